package import Addresses

/// A tool of iptables that did not do what it was asked.
package struct RuleError: Error, Hashable, Sendable {
    package enum Cause: Hashable, Sendable {
        /// No such program in the places where programs are.
        case toolMissing
        /// It ended with a status other than 0.
        case failed(status: Int32)
        /// It was ended by a signal.
        case killed(signal: Int32)
        /// It was still running after so many seconds, and was ended.
        case timedOut(seconds: Int)
        /// It could not be started, or its output not be read.
        case notRun(String)
        /// The change could not be written as a restore text.
        case unwritable(RuleTextError)
    }

    /// What was being done: `write rules`, `read rules`.
    package let operation: String
    package let family: AddressFamily
    /// The program's path, or its name where it was not found.
    package let tool: String
    package let cause: Cause
    /// What the tool said.
    package let message: String
    /// The line of our text that it refused.
    package let line: String?

    package init(_ operation: String, _ family: AddressFamily, tool: String, _ cause: Cause, message: String = "", text: String = "") {
        self.operation = operation
        self.family = family
        self.tool = tool
        self.cause = cause
        self.message = message
        line = Self.line(namedBy: message, in: text)
    }

    /// The line that a message such as `line 12 failed`, `Error occurred at line: 12` or `line 12: RULE_APPEND failed` names.
    static func line(namedBy message: String, in text: String) -> String? {
        guard let match = message.firstMatch(of: #/\bline:?\s+(?<number>[0-9]{1,9})\b/#), let number = Int(match.number) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // nft checks some things only at the end, and then names the line of the end.
        guard number >= 1, number <= lines.count, lines[number - 1] != "COMMIT" else { return nil }
        return String(lines[number - 1])
    }

    /// What to do about it, where that is known.
    package var remedy: String? {
        switch cause {
        case .toolMissing: return "Install iptables (apt-get install iptables)."
        case .timedOut: return "Look for another program that holds the lock of iptables (/run/xtables.lock)."
        case .unwritable, .notRun, .killed: return nil
        case .failed: break
        }
        if let module = Self.missingExtension(in: message) {
            return "The kernel lacks what the rule needs: load it (modprobe \(module)), or use a kernel that has it."
        }
        for (words, remedy) in Self.remedies where message.contains(words) { return remedy }
        return nil
    }

    /// `xt_ipvs` where the tool says `Extension ipvs revision 0 not supported, missing kernel module?`.
    private static func missingExtension(in message: String) -> String? {
        message.firstMatch(of: #/Extension (?<name>[A-Za-z0-9_]+) revision \d+ not supported/#).map { "xt_\($0.name)" }
    }

    /// What the tools say, with what helps. The first that fits counts.
    private static let remedies: [(String, String)] = [
        ("you must be root", "Run as root, or with CAP_NET_ADMIN and CAP_NET_RAW in the network namespace."),
        ("Operation not permitted", "Run as root, or with CAP_NET_ADMIN and CAP_NET_RAW in the network namespace."),
        ("Permission denied", "Run as root, or with CAP_NET_ADMIN and CAP_NET_RAW in the network namespace."),
        ("Can't open socket to ipset", "Run as root, or with CAP_NET_RAW beside CAP_NET_ADMIN in the network namespace."),
        ("xtables lock", "Another program holds the lock of iptables; the change is tried again."),
        ("xtables.lock", "Make /run writable: the tools of iptables keep their lock there."),
        ("doesn't exist", "Make the ipset first: the rule matches one that is not there."),
        ("Couldn't load match", "Install the whole of iptables: an extension of it is missing."),
        ("Couldn't load target", "Install the whole of iptables: an extension of it is missing."),
        (
            "Failed to initialize nft",
            "The kernel has no nf_tables: load it (modprobe nf_tables), or use the legacy back end."
        ),
        (
            "TABLE_ADD failed",
            "The kernel's nf_tables lacks this family: use the legacy back end, or a kernel that has it."
        ),
        (
            "Table does not exist",
            "The kernel has no such table: load it (modprobe -a iptable_nat iptable_filter ip6table_nat ip6table_filter), or use the nft back end."
        ),
        (
            "No chain/target/match by that name",
            "The kernel lacks a match or target that the rule needs: load it (modprobe -a xt_set xt_comment xt_mark xt_addrtype xt_conntrack xt_ipvs)."
        ),
        (
            "RULE_APPEND failed (No such file or directory)",
            "The kernel lacks a match or target that the rule needs: load it (modprobe -a xt_set xt_comment xt_mark xt_addrtype xt_conntrack xt_ipvs)."
        ),
    ]
}

extension RuleError: CustomStringConvertible {
    package var description: String {
        let what =
            switch cause {
            case .toolMissing: "no such program"
            case .failed(let status): "exit status \(status)"
            case .killed(let signal): "ended by signal \(signal)"
            case .timedOut(let seconds): "not done after \(seconds) s"
            case .notRun(let reason): reason
            case .unwritable(let error): "\(error)"
            }
        let said = message.isEmpty ? "" : ": " + message.split(whereSeparator: \.isNewline).joined(separator: "; ")
        return "\(operation) (\(family)) with \(tool): \(what)\(said)" + (line.map { " [\($0)]" } ?? "") + (remedy.map { ". " + $0 } ?? "")
    }
}
