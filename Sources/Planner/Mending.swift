import IPVSModel
package import NodeModel

extension Touched {
    /// What a drift leaves to be put right: all that it may have altered, as it was left.
    package mutating func insert(_ drift: Drift) {
        switch drift {
        case .virtualServer(let key, _, _): virtualServers.insert(key)
        case .timeouts: base.insert(.virtualServers)
        case .sysctl: base.insert(.sysctls)
        case .link(_, _, _, let addresses):
            base.insert(.link)
            self.addresses.formUnion(addresses)
        case .address(let address, _, _), .otherAddress(let address, _, _): addresses.insert(address)
        case .set(let key, let left, let found):
            base.insert(.sets)
            for entry in left?.entries ?? [] { members.insert(SetMember(key, entry)) }
            for entry in found?.entries ?? [] { members.insert(SetMember(key, entry)) }
        case .entries(let key, let gone, let new):
            for entry in gone { members.insert(SetMember(key, entry)) }
            for entry in new { members.insert(SetMember(key, entry)) }
        case .rules: base.insert(.rules)
        }
    }
}

extension Planner {
    /// Whether what was found is for the agent to put right: it is not as wanted, and not somebody else's.
    package static func isToBeMended(_ drift: Drift, wanted: WantedState, observed: NodeState, ownership: Ownership) -> Bool {
        switch drift {
        case .virtualServer(let key, _, let found):
            if let server = wanted.virtualServer(key) { return server != found }
            return found != nil && ownership.owns(key, in: observed)
        case .timeouts(_, let found): return wanted.base.timeouts.difference(to: found) != ConnectionTimeouts()
        case .sysctl(let name, _, let found): return wanted.base.sysctls[name].map { !$0.isMet(by: found) } ?? false
        case .link(_, _, let found, _): return found != .asWanted
        case .address(let address, _, let isBound):
            return isBound ? !wanted.isWanted(address) && !ownership.isExcluded(address) : wanted.isWanted(address)
        case .otherAddress: return false
        case .set(let key, _, let found):
            return wanted.base.sets.contains { $0.key == key } && found?.serves(as: key) != true
        case .entries(let key, let gone, let new):
            return gone.contains { wanted.isWanted(SetMember(key, $0)) } || new.contains { !wanted.isWanted(SetMember(key, $0)) }
        case .rules(let family, _, let found):
            return wanted.base.rules[family].map { !RuleChange(from: found, to: $0, family: family).isEmpty } ?? false
        }
    }
}
