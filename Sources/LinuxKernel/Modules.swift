import Subprocess

/// Loads kernel modules beforehand, for a process that will run without the right to have them loaded.
package enum Modules {
    /// What balancing with this scheduler uses. The kernel loads most of them by itself when they are first asked for, where it may.
    ///
    /// Legacy tables are no such: iptables has them loaded itself, which a process without that right cannot do. Only where they are to be
    /// used, since on a node of nf_tables they would be one more place that is passed.
    package static func needed(scheduler: String, legacyTables: Bool = false) -> [String] {
        let tables = ["iptable_nat", "iptable_filter", "iptable_mangle", "ip6table_nat", "ip6table_filter", "ip6table_mangle"]
        return (legacyTables ? tables : []) + [
            "ip_vs", "ip_vs_\(scheduler)", "nf_conntrack", "dummy", "xt_set", "ip_set_hash_ip", "ip_set_hash_ipport",
            "ip_set_hash_ipportip",
            "ip_set_hash_ipportnet", "ip_set_bitmap_port",
        ]
    }

    /// How long one module may take.
    private static let patience = Duration.seconds(20)

    /// Loads modules, and says of which that failed and why. Those built into the kernel count as loaded.
    package static func load(_ names: [String]) async -> [(name: String, why: String)] {
        var failures: [(name: String, why: String)] = []
        for name in names {
            if let why = await failure(ofLoading: name) { failures.append((name, why)) }
        }
        return failures
    }

    private static func failure(ofLoading name: String) async -> String? {
        await withTaskGroup(of: String??.self) { group in
            group.addTask { .some(await run(name)) }
            group.addTask {
                do { try await Task.sleep(for: patience) } catch { return nil }
                return .some("modprobe did not end within \(patience)")
            }
            // Cancelled, modprobe is told to end.
            defer { group.cancelAll() }
            while let first = await group.next() {
                if let result = first { return result }
            }
            return "cancelled"
        }
    }

    private static func run(_ name: String) async -> String? {
        do {
            let result = try await Subprocess.run(
                .name("modprobe"), arguments: ["--", name], output: .discarded, error: .string(limit: 4096))
            if result.terminationStatus.isSuccess { return nil }
            let words = result.standardError.split(separator: "\n").first.map(String.init) ?? ""
            return words.isEmpty ? "modprobe: \(result.terminationStatus)" : words
        } catch {
            return "modprobe cannot be run: \(error)"
        }
    }
}
