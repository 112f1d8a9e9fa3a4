import Glibc
import ServiceModel

/// Reads the small files that credentials stand in: bounded, and without waiting for anybody.
enum FileBytes {
    /// A bundle of all public authorities has some 250 KiB.
    static let maximum = 4 << 20

    static func read(_ path: String) throws(SourceProblem) -> [UInt8] {
        // O_NONBLOCK, so that a FIFO holds nobody up.
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw SourceProblem(place: path, message: "the file cannot be opened: \(describe(errno))") }
        defer { _ = close(number) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maximum {
            let count = unsafe Glibc.read(number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SourceProblem(place: path, message: "the file cannot be read: \(describe(errno))") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        throw SourceProblem(place: path, message: "the file is larger than \(maximum >> 20) MiB")
    }

    /// The text of a file, without blanks around it; nil where it is none, or empty.
    static func text(_ path: String) throws(SourceProblem) -> String? {
        guard let text = String(validating: try read(path), as: UTF8.self) else { return nil }
        var trimmed = text[...].drop { $0.isWhitespace }
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    private static func describe(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "errno \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
