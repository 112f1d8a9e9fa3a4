import Programs

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
    private static let patience = 20

    /// Loads modules, and says of which that failed and why. Those built into the kernel count as loaded.
    package static func load(_ names: [String]) async -> [(name: String, why: String)] {
        var failures: [(name: String, why: String)] = []
        for name in names {
            if let why = await failure(ofLoading: name) { failures.append((name, why)) }
        }
        return failures
    }

    private static func failure(ofLoading name: String) async -> String? {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        let outcome = await Program("modprobe", ["--", name], environment: ["PATH": path])
            .run(seconds: patience, outputLimit: 1 << 16, errorLimit: 4096)
        switch outcome.ending {
        case .exited(0): return nil
        case .exited(let status): return outcome.errors.split(separator: "\n").first.map(String.init) ?? "modprobe: status \(status)"
        case .killed(let signal): return "modprobe: ended by signal \(signal)"
        case .timedOut(let seconds): return "modprobe did not end within \(seconds) s"
        case .printedTooMuch: return "modprobe prints without end"
        case .cancelled: return "cancelled"
        case .notStarted(let error): return "modprobe cannot be run: \(error)"
        }
    }
}
