package import IPVS
package import IPVSModel
package import NodeKernel

/// Reads what the kernel counts of balanced traffic, on a socket and a queue of its own: whoever asks does not hold up the loop.
package actor TrafficCounters {
    private let executor = SerialQueueExecutor(label: "ipvs-agent.counters")
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private var ipvs: IPVSHandle?

    package init() {}

    /// What was counted, of a bounded number of servers.
    package struct Reading: Sendable {
        package var totals: IPVSTotals
        package var virtualServers: [ObservedVirtualServer] = []
        /// Of those virtual servers. Firewall marks are left out where two families have the same one.
        package var realServers: [VirtualServer.Key: [IPVSTableRealServer]] = [:]
        /// How many stand that are not in here.
        package var leftOut: (virtualServers: Int, realServers: Int) = (0, 0)
    }

    /// Reads the counters: one dump of virtual servers and one reading of `/proc/net/ip_vs`. At most so many virtual servers, and so many
    /// servers of either kind together, are in the answer.
    package func read(limit: Int) throws(KernelFailure) -> Reading {
        do throws(IPVSError) {
            var handle: IPVSHandle
            if let open = ipvs.take() { handle = open } else { handle = try IPVSHandle() }
            var reading = Reading(totals: try .read())
            let servers = try handle.virtualServers()
            reading.virtualServers = Array(servers.prefix(limit))
            reading.leftOut.virtualServers = servers.count - reading.virtualServers.count
            try readRealServers(&handle, limit: limit, into: &reading)
            // Kept only if it served: after an error the next call opens a new one.
            ipvs = consume handle
            return reading
        } catch {
            throw KernelFailure(error)
        }
    }

    private func readRealServers(_ handle: inout IPVSHandle, limit: Int, into reading: inout Reading) throws(IPVSError) {
        var room = limit - reading.virtualServers.count
        var keys: [IPVSTableEntry.Identity: VirtualServer.Key] = [:]
        for server in reading.virtualServers { keys[IPVSTableEntry.Identity(server.server.key)] = server.server.key }
        var table = try IPVSTableReader()
        while let entry = try table.next() {
            guard let key = keys.removeValue(forKey: entry.identity), entry.realServers.count <= room else {
                reading.leftOut.realServers += entry.realServers.count
                continue
            }
            room -= entry.realServers.count
            reading.realServers[key] = entry.realServers
        }
        // Kernels with one table for all network namespaces leave entries out of the file (see `IPVSTableReader`).
        for key in keys.values {
            guard room > 0 else { return }
            let found: [ObservedRealServer]
            // Gone since the dump.
            do throws(IPVSError) { found = try handle.realServers(of: key) } catch { continue }
            guard found.count <= room else {
                reading.leftOut.realServers += found.count
                continue
            }
            room -= found.count
            reading.realServers[key] = found.map {
                IPVSTableRealServer(
                    $0.server.key, forwarding: .init($0.server.configuration.forwarding), weight: $0.server.configuration.weight,
                    active: $0.connections.active, inactive: $0.connections.inactive)
            }
        }
    }
}
