import ArgumentParser
import CommandSupport
import FoundationEssentials
import Glibc
import ManifestSource
import VirtualServerDocuments

/// How a table is written to a file.
enum TableFormat: String, CaseIterable, ExpressibleByArgument {
    case yaml
    case json
    /// What `ipvsadm -Sn` prints.
    case ipvsadm
}

/// A table in a file. One that is wrong anywhere is refused whole, with each place.
enum TableFile {
    /// The longest file that is read; 50,000 virtual servers with five real servers each are about 60 MiB.
    private static let longest = 512 << 20

    static func read(_ path: String, _ format: TableFormat?) throws -> VirtualServerList {
        let bytes = try contents(path)
        let name = path == "-" ? "standard input" : path
        if (format ?? guess(bytes)) == .ipvsadm {
            guard let text = String(validating: bytes, as: UTF8.self) else { throw refusal(["\(name): the text is not UTF-8"]) }
            let (list, problems) = IPVSAdmText.read(text)
            guard problems.isEmpty else { throw refusal(problems.map { "\(name):\($0)" }) }
            return list
        }
        do throws(RefusedDocument) {
            return try VirtualServerList(reading: bytes, file: name)
        } catch {
            throw refusal(error.problems)
        }
    }

    private static func refusal(_ problems: [String]) -> CommandFailure {
        let most = 50
        let rest = problems.count > most ? ["and \(problems.count - most) more"] : []
        return CommandFailure((problems.prefix(most) + rest).joined(separator: "\n") + "\nnothing was changed", status: ExitStatus.invalid)
    }

    /// `ipvsadm`'s lines begin with a dash and a letter, or two dashes; a YAML document with "---", a list with "- ".
    static func guess(_ bytes: [UInt8]) -> TableFormat {
        for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1000) {
            let word = line.drop { $0 == 32 || $0 == 9 }
            guard let first = word.first, first != UInt8(ascii: "#") else { continue }
            let text = String(decoding: word.prefix(6), as: UTF8.self)
            return text.hasPrefix("-A ") || text.hasPrefix("-a ") || text.hasPrefix("--add-") ? .ipvsadm : .yaml
        }
        return .yaml
    }

    private static func contents(_ path: String) throws -> [UInt8] {
        let file = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw unreadable(path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= longest else {
                throw CommandFailure("\(path) is longer than \(longest >> 20) MiB", status: ExitStatus.invalid)
            }
        }
    }

    private static func unreadable(_ path: String) -> CommandFailure {
        CommandFailure("cannot read \(path): \(unsafe String(cString: strerror(errno)))", status: ExitStatus.invalid)
    }

    /// The list as text.
    static func text(_ list: VirtualServerList, _ format: TableFormat) throws -> String {
        switch format {
        case .json: try DocumentText.json(list.document) + "\n"
        case .yaml: try DocumentText.yaml(list.document) + "\n"
        case .ipvsadm: IPVSAdmText.text(list)
        }
    }
}
