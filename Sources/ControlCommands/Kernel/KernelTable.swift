import IPVS

/// How the table of virtual servers is read.
enum KernelTable {
    /// What the real servers of a virtual server come to, without each of them.
    struct Summary: Hashable, Sendable {
        var servers = 0
        /// Those that take new connections: of a weight above 0.
        var inUse = 0
        var active: UInt64 = 0
        var inactive: UInt64 = 0

        mutating func add(weight: Int32, active: UInt32, inactive: UInt32) {
            servers += 1
            if weight > 0 { inUse += 1 }
            self.active += UInt64(active)
            self.inactive += UInt64(inactive)
        }
    }

    /// Every virtual server, by key, with its real servers.
    static func whole(_ handle: inout IPVSHandle) throws(IPVSError) -> [(ObservedVirtualServer, [ObservedRealServer])] {
        var servers: [(ObservedVirtualServer, [ObservedRealServer])] = []
        for server in try handle.virtualServers().sorted(by: { $0.server.key < $1.server.key }) {
            servers.append((server, try handle.realServers(of: server.server.key).sorted { $0.server.key < $1.server.key }))
        }
        return servers
    }

    /// Every virtual server, by key, with what its real servers come to.
    ///
    /// One dump tells the virtual servers and one reading of `/proc/net/ip_vs` their real servers, which is many times as fast as a dump for each.
    /// Where the text leaves a virtual server out (see ``IPVSTableReader``), or does not tell which is meant (a firewall mark), it is asked for
    /// by itself.
    static func summaries(_ handle: inout IPVSHandle) throws(IPVSError) -> [(ObservedVirtualServer, Summary)] {
        let servers = try handle.virtualServers().sorted { $0.server.key < $1.server.key }
        var summaries: [VirtualServer.Key: Summary] = [:]
        summaries.reserveCapacity(servers.count)
        if servers.count > 1 {
            for entry in try handle.table() {
                guard let key = entry.key else { continue }
                var summary = Summary()
                for server in entry.realServers { summary.add(weight: server.weight, active: server.active, inactive: server.inactive) }
                summaries[key] = summary
            }
        }
        var result: [(ObservedVirtualServer, Summary)] = []
        result.reserveCapacity(servers.count)
        for server in servers {
            if let summary = summaries[server.server.key] {
                result.append((server, summary))
                continue
            }
            var summary = Summary()
            for real in try handle.realServers(of: server.server.key) {
                summary.add(
                    weight: real.server.configuration.weight, active: real.connections.active, inactive: real.connections.inactive)
            }
            result.append((server, summary))
        }
        return result
    }
}
