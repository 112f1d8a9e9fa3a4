import Addresses
import IPVSModel

extension NodeState {
    /// What the state is after an operation has succeeded.
    ///
    /// The agent keeps its picture of the kernel by this, so that a change need not be followed by a look.
    package mutating func apply(_ operation: Operation) {
        switch operation {
        case .setSysctl(let name, let value): sysctls[name] = value
        case .setTimeouts(let new):
            if new.tcp != 0 { timeouts.tcp = new.tcp }
            if new.tcpFin != 0 { timeouts.tcpFin = new.tcpFin }
            if new.udp != 0 { timeouts.udp = new.udp }
        case .createSet(let definition):
            // A set that stands is kept with what it holds; one that could not serve had gone before ours was made.
            if sets[definition.key]?.serves(as: definition.key) == true { return }
            let isBitmap = definition.key.type == .bitmapPort
            sets[definition.key] = ObservedSet(
                typeName: definition.key.type.rawValue, family: isBitmap ? .ipv4 : definition.key.family,
                maximumEntries: isBitmap ? 0 : definition.maximumEntries, keepsMarks: definition.key.set.keepsMarks)
        case .growSet(let definition): sets[definition.key]?.maximumEntries = definition.maximumEntries
        case .destroyLeftoverSet: hasLeftoverSet = false
        case .destroySet(let key): sets[key] = nil
        case .addMember(let member): sets[member.set]?.entries.insert(member.entry)
        case .removeMember(let member): sets[member.set]?.entries.remove(member.entry)
        case .changeRules(let change): rules[change.family, default: RuleTables()].apply(change)
        case .createLink, .silenceLink: link = .asWanted
        case .removeLink:
            link = .absent
            addresses = []
        case .addAddress(let address): addresses.insert(address)
        case .removeAddress(let address): addresses.remove(address)
        case .addVirtualServer(let server): virtualServers[server.key] = VirtualServerState(server.configuration)
        case .updateVirtualServer(let server): virtualServers[server.key]?.configuration = server.configuration
        case .removeVirtualServer(let key): virtualServers[key] = nil
        case .addRealServer(let server, let key), .updateRealServer(let server, let key):
            virtualServers[key]?.realServers[server.key] = server.configuration
        case .removeRealServer(let server, let key): virtualServers[key]?.realServers[server] = nil
        }
    }
}

extension RuleTables {
    /// What the rules are after a change.
    package mutating func apply(_ change: RuleChange) {
        for (name, tableChange) in change.tables {
            var table = tables[name] ?? Table()
            for jump in tableChange.removedJumps {
                if let place = table.jumps.firstIndex(of: jump) { table.jumps.remove(at: place) }
            }
            for chain in tableChange.removedChains { table.chains[chain] = nil }
            for (chain, rules) in tableChange.writtenChains { table.chains[chain] = rules }
            for jump in tableChange.insertedJumps {
                table.jumps.insert(jump, at: table.jumps.firstIndex { $0.chain == jump.chain } ?? table.jumps.count)
            }
            tables[name] = table.chains.isEmpty && table.jumps.isEmpty ? nil : table
        }
    }
}
