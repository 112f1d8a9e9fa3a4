import Addresses
import Glibc

/// Where iptables' tools are on this machine.
struct ToolPlaces: Sendable {
    /// The path of a program of that name, if there is one.
    var find: @Sendable (String) -> String?
    /// The file that a path leads to in the end.
    var resolve: @Sendable (String) -> String?

    static let machine = ToolPlaces(
        find: { name in
            let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
            let directories = path.split(separator: ":").map { String($0) } + ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"]
            return directories.lazy.filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
        },
        resolve: { path in
            guard let real = unsafe realpath(path, nil) else { return nil }
            defer { unsafe free(real) }
            return unsafe String(cString: real)
        })

    /// `iptables-nft-save`, or `iptables-save` where that is of this back end and the other name is missing.
    func tool(_ verb: String, _ family: AddressFamily, _ backEnd: RuleBackEnd) -> String? {
        let stem = Self.stem(family)
        if let path = find("\(stem)-\(backEnd.rawValue)-\(verb)") { return path }
        guard let path = find("\(stem)-\(verb)"), machineBackEnd(path) == backEnd else { return nil }
        return path
    }

    /// The back end of the machine's own `iptables`.
    var machineDefault: RuleBackEnd? { find("iptables").flatMap(machineBackEnd) }

    /// All tools of a back end are one program: `xtables-nft-multi` or `xtables-legacy-multi` (`xtables-multi` before 1.8).
    private func machineBackEnd(_ path: String) -> RuleBackEnd? {
        guard let name = resolve(path)?.split(separator: "/").last else { return nil }
        if name.contains("nft") { return .nft }
        return name.contains("legacy") || name == "xtables-multi" ? .legacy : nil
    }

    static func stem(_ family: AddressFamily) -> String { family == .ipv4 ? "iptables" : "ip6tables" }
}
