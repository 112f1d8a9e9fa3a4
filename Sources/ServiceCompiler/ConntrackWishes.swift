import NodeModel

/// How connection tracking is to be set, with kube-proxy's meanings; nil leaves the kernel's value.
package struct ConntrackWishes: Equatable, Sendable {
    /// The least size of the table.
    package var maximum: Int?
    /// Seconds; 0 is none of the values.
    package var establishedTimeout: Int?
    package var closeWaitTimeout: Int?
    package var udpTimeout: Int?
    package var udpStreamTimeout: Int?
    /// Whether packets outside the window pass: they do no harm, and dropping them can end a connection.
    package var isLiberal = false

    package init() {}

    /// kube-proxy's rule: so many for each core, at least the minimum, and at most a million; 0 for each leaves the limit, whatever the minimum.
    package static func maximum(perCore: Int, minimum: Int, cores: Int) -> Int? {
        guard perCore > 0 else { return nil }
        return max(minimum, min(perCore * max(cores, 1), 1 << 20))
    }

    var sysctls: [String: SysctlWish] {
        var sysctls: [String: SysctlWish] = [:]
        let prefix = "net.netfilter.nf_conntrack_"
        // The table is one for all network namespaces, and only the first of them may set its size.
        if let maximum {
            sysctls[prefix + "max"] = SysctlWish(String(maximum), isLeast: true, isAdvised: true)
            // Four entries to a bucket, as the kernel itself has it where it chooses (`nf_conntrack_init_start`); with the limit raised alone, every
            // look-up would walk a longer list.
            sysctls[prefix + "buckets"] = SysctlWish(String(maximum / 4), isLeast: true, isAdvised: true)
        }
        let timeouts = [
            ("tcp_timeout_established", establishedTimeout), ("tcp_timeout_close_wait", closeWaitTimeout), ("udp_timeout", udpTimeout),
            ("udp_timeout_stream", udpStreamTimeout),
        ]
        for (name, seconds) in timeouts {
            if let seconds { sysctls[prefix + name] = SysctlWish(String(seconds), isAdvised: true) }
        }
        if isLiberal { sysctls[prefix + "tcp_be_liberal"] = SysctlWish("1", isAdvised: true) }
        return sysctls
    }
}
