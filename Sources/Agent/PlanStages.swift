import IPVSModel
import NodeKernel
import NodeModel
import Planner

extension Plan {
    /// The plan in the parts that have to be applied one after the other: a part depends on how those before it went.
    ///
    /// Only where something is made that other operations stand on is there more than one part. A change of endpoints is one.
    var stages: [Stage] {
        var stages: [Stage] = []
        var made = Operation.Ground()
        var start = 0
        for (index, operation) in operations.enumerated() {
            if !made.isDisjoint(with: operation.stands) {
                stages.append(Stage(operations: operations[start..<index]))
                (made, start) = ([], index)
            }
            made.formUnion(operation.makes)
        }
        if start < operations.count { stages.append(Stage(operations: operations[start...])) }
        return stages
    }

    struct Stage {
        var operations: ArraySlice<Operation>
    }
}

extension Operation {
    /// What other operations stand on.
    struct Ground: OptionSet {
        let rawValue: UInt8
        static let sets = Ground(rawValue: 1)
        static let link = Ground(rawValue: 2)
        static let virtualServers = Ground(rawValue: 4)
    }

    /// What the operation makes.
    var makes: Ground {
        switch self {
        case .createSet, .growSet: .sets
        case .createLink: .link
        case .addVirtualServer: .virtualServers
        default: []
        }
    }

    /// What has to be known of before the operation is tried. (A real server is sent along with its virtual server: it fails with it.)
    var stands: Ground {
        switch self {
        case .changeRules: .sets
        case .addMember: [.sets, .virtualServers]
        case .addAddress: [.link, .virtualServers]
        default: []
        }
    }
}

/// What could not be made, and what others of a plan's operations therefore cannot be.
struct FailedGround {
    let virtualServers: Set<VirtualServer.Key>
    var sets: Set<SetKey>
    let link: Bool

    init(_ failures: [OperationFailure]) {
        var (keys, sets, link) = (Set<VirtualServer.Key>(), Set<SetKey>(), false)
        for failure in failures {
            switch failure.operation {
            case .addVirtualServer(let server): keys.insert(server.key)
            case .createSet(let definition): sets.insert(definition.key)
            case .createLink: link = true
            default: break
            }
        }
        (virtualServers, self.sets, self.link) = (keys, sets, link)
    }

    var isEmpty: Bool { virtualServers.isEmpty && sets.isEmpty && !link }
}

extension Plan.Stage {
    /// Leaves out what stands on something that could not be made, and says so of each.
    ///
    /// What would open a way to a virtual server that could not be made is left out: its entry in the set of cluster addresses, and its
    /// address where no other virtual server stands on it. A client is refused by the guard, or finds no host, instead of reaching a port
    /// of the node itself. Rules are written without those that match a set that could not be made, now or before: a set of others that has
    /// its name is theirs, and could not be destroyed while a rule matches it.
    func withoutDependants(
        of failures: [OperationFailure], given picture: Picture
    ) -> (possible: ArraySlice<Operation>, impossible: [OperationFailure]) {
        var failed = FailedGround(failures)
        for (key, set) in picture.state.sets where !set.serves(as: key) { failed.sets.insert(key) }
        guard !failed.isEmpty else { return (operations, []) }
        let failedAddresses = Set(failed.virtualServers.compactMap(\.address))
        var possible: [Operation] = []
        var impossible: [OperationFailure] = []
        for operation in operations {
            let reason: KernelFailure? =
                switch operation {
                case .addAddress where failed.link: .noLink
                case .addAddress(let address):
                    failedAddresses.contains(address) && !picture.isServed(address) ? .noVirtualServer : nil
                case .addMember(let member) where failed.sets.contains(member.set): .noSet(member.set)
                case .addMember(let member): member.opensWay(to: failed.virtualServers) ? .noVirtualServer : nil
                case .changeRules(let change): change.sets.intersection(failed.sets).min().map { .noSet($0) }
                default: nil
                }
            guard let reason else {
                possible.append(operation)
                continue
            }
            impossible.append(OperationFailure(operation, reason))
            if case .changeRules(let change) = operation {
                let rest = change.leavingOut(failed.sets)
                if rest.changes(picture.state.rules[change.family] ?? RuleTables()) { possible.append(.changeRules(rest)) }
            }
        }
        return (possible[...], impossible)
    }
}

extension SetMember {
    fileprivate func opensWay(to keys: Set<VirtualServer.Key>) -> Bool {
        guard case .addressPort(let address, let port, let transport) = entry else { return false }
        return keys.contains(.address(address, port: port, transport))
    }
}

extension [OperationFailure] {
    /// The same, where an operation that failed with what it stands on says so: that its ground is missing is no news then.
    var namingDependants: [OperationFailure] {
        let failed = FailedGround(self)
        var small: Set<SetKey> = []
        for case .growSet(let definition) in lazy.map(\.operation) { small.insert(definition.key) }
        guard !failed.isEmpty || !small.isEmpty else { return self }
        return map { failure in
            switch failure.operation {
            case .addRealServer(_, let key) where failed.virtualServers.contains(key):
                OperationFailure(failure.operation, .noVirtualServer)
            case .addMember(let member) where small.contains(member.set) && failure.failure.cause == .resource:
                OperationFailure(failure.operation, KernelFailure(.dependency, "the set \(member.set) is full and could not be grown"))
            default: failure
            }
        }
    }
}

extension KernelFailure {
    fileprivate static var noVirtualServer: KernelFailure { KernelFailure(.dependency, "its virtual server could not be added") }
    fileprivate static var noLink: KernelFailure { KernelFailure(.dependency, "the link could not be made") }
    fileprivate static func noSet(_ set: SetKey) -> KernelFailure { KernelFailure(.dependency, "the set \(set) could not be made") }
}
