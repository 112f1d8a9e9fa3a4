import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import Planner

extension Plan {
    /// The plan in the parts that have to be applied one after the other: a part depends on how the one before it went.
    ///
    /// Only where virtual servers are added is there more than one part. A change of endpoints is one.
    var stages: [Stage] {
        let addsServers = operations.contains { if case .addVirtualServer = $0 { true } else { false } }
        let firstDependant = operations.firstIndex {
            switch $0 {
            case .addMember, .addAddress: true
            default: false
            }
        }
        guard addsServers, let firstDependant else { return [Stage(operations: operations)] }
        return [Stage(operations: Array(operations[..<firstDependant])), Stage(operations: Array(operations[firstDependant...]))]
    }

    struct Stage {
        var operations: [Operation]

        /// Leaves out what would open a way to a virtual server that could not be made: its entry in the set of cluster
        /// addresses, and its address where no other virtual server stands on it. A client is refused by the guard, or finds no
        /// host, instead of reaching a port of the node itself.
        func withoutDependants(
            of failures: [OperationFailure], given picture: Picture
        ) -> (possible: [Operation], impossible: [OperationFailure]) {
            let failedKeys = failures.virtualServersNotAdded
            guard !failedKeys.isEmpty else { return (operations, []) }
            let failedAddresses = Set(failedKeys.compactMap(\.address))
            var possible: [Operation] = []
            var impossible: [OperationFailure] = []
            for operation in operations {
                let depends =
                    switch operation {
                    case .addAddress(let address): failedAddresses.contains(address) && !picture.isServed(address)
                    case .addMember(let member): member.opensWay(to: failedKeys)
                    default: false
                    }
                if depends {
                    impossible.append(OperationFailure(operation, .noVirtualServer))
                } else {
                    possible.append(operation)
                }
            }
            return (possible, impossible)
        }
    }
}

extension SetMember {
    fileprivate func opensWay(to keys: Set<VirtualServer.Key>) -> Bool {
        guard case .addressPort(let address, let port, let transport) = entry else { return false }
        return keys.contains(.address(address, port: port, transport))
    }
}

extension [OperationFailure] {
    /// The virtual servers that could not be added.
    var virtualServersNotAdded: Set<VirtualServer.Key> {
        var keys: Set<VirtualServer.Key> = []
        for case .addVirtualServer(let server) in lazy.map(\.operation) { keys.insert(server.key) }
        return keys
    }

    /// The same, where a real server that failed with its virtual server says so: that it is missing is no news then.
    var namingDependants: [OperationFailure] {
        let failedKeys = virtualServersNotAdded
        return map { failure in
            guard case .addRealServer(_, let key) = failure.operation, failedKeys.contains(key) else { return failure }
            return OperationFailure(failure.operation, .noVirtualServer)
        }
    }
}

extension KernelFailure {
    fileprivate static var noVirtualServer: KernelFailure { KernelFailure(.dependency, "its virtual server could not be added") }
}
