import Addresses
import IPVSModel

extension Operation: CustomStringConvertible {
    /// One line for a person: a verb, the object, and what it is set to.
    package var description: String {
        switch self {
        case .setSysctl(let name, let value): "set sysctl \(name) = \(value)"
        case .setTimeouts(let timeouts): "set timeouts \(timeouts.list)"
        case .createSet(let definition): "create set \(definition.key) \(definition.key.type.rawValue)"
        case .growSet(let definition): "grow set \(definition.key) to \(definition.maximumEntries) entries"
        case .destroyLeftoverSet: "destroy set \(ServiceSet.leftoverName), left over from growing another"
        case .destroySet(let key): "destroy set \(key)"
        case .addMember(let member): "add entry \(member.entry) to set \(member.set)"
        case .removeMember(let member): "remove entry \(member.entry) from set \(member.set)"
        case .changeRules(let change): "change \(change.family) rules: \(change.summary)"
        case .createLink(let name): "create dummy link \(name)"
        case .silenceLink(let name): "set link \(name) noarp"
        case .removeLink(let name): "remove dummy link \(name)"
        case .addAddress(let address): "bind address \(address)"
        case .removeAddress(let address): "unbind address \(address)"
        case .addVirtualServer(let server): "add virtual server \(server.key) \(server.configuration)"
        case .updateVirtualServer(let server): "update virtual server \(server.key) \(server.configuration)"
        case .removeVirtualServer(let key): "remove virtual server \(key)"
        case .addRealServer(let server, let key): "add real server \(server.key) to \(key) \(server.configuration)"
        case .updateRealServer(let server, let key): "update real server \(server.key) of \(key) \(server.configuration)"
        case .removeRealServer(let server, let key): "remove real server \(server) from \(key)"
        }
    }
}

extension RuleChange {
    /// What changes, in a few words: `nat: write KUBE-SERVICES; insert 2 jumps`.
    package var summary: String {
        tables.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }.map { table, change in
            var parts: [String] = []
            if !change.writtenChains.isEmpty { parts.append("write " + change.writtenChains.keys.sorted().joined(separator: " ")) }
            if !change.removedChains.isEmpty { parts.append("remove " + change.removedChains.sorted().joined(separator: " ")) }
            for (verb, jumps) in [("insert", change.insertedJumps), ("remove", change.removedJumps)] where !jumps.isEmpty {
                parts.append(
                    "\(verb) \(jumps.count) jump\(jumps.count == 1 ? "" : "s") in \(Set(jumps.map(\.chain)).sorted().joined(separator: " "))"
                )
            }
            return "\(table): " + parts.joined(separator: ", ")
        }.joined(separator: "; ")
    }
}

extension ConnectionTimeouts {
    fileprivate var list: String {
        [("tcp", tcp), ("tcpfin", tcpFin), ("udp", udp)].filter { $0.1 != 0 }.map { "\($0.0) \($0.1)s" }.joined(separator: ", ")
    }
}
