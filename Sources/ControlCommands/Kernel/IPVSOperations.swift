import IPVS
import NodeModel
import Planner
import VirtualServerDocuments

extension IPVSOperation {
    /// The same in the library's words; nil for what is not IPVS'.
    init?(_ operation: Operation) {
        switch operation {
        case .addVirtualServer(let server): self = .addVirtualServer(server)
        case .updateVirtualServer(let server): self = .updateVirtualServer(server)
        case .removeVirtualServer(let key): self = .removeVirtualServer(key)
        case .addRealServer(let server, let key): self = .addRealServer(server, to: key)
        case .updateRealServer(let server, let key): self = .updateRealServer(server, of: key)
        case .removeRealServer(let server, let key): self = .removeRealServer(server, from: key)
        default: return nil
        }
    }
}

extension VirtualServerList {
    /// The kernel's table, without what it counts.
    init(_ table: [(ObservedVirtualServer, [ObservedRealServer])]) {
        self.init()
        servers.reserveCapacity(table.count)
        for (server, real) in table {
            servers[server.server.key] = VirtualServerState(
                server.server.configuration,
                realServers: Dictionary(real.map { ($0.server.key, $0.server.configuration) }) { $1 })
        }
    }
}
