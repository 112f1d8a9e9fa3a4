import Addresses
import Glibc
import IPVSModel
import NodeKernel
import NodeModel

/// When Linux refuses an operation, and with which error (`net/netfilter/ipvs/ip_vs_ctl.c`, `net/netfilter/ipset`, rtnetlink).
///
/// The contract suite runs against this and against the real kernel, so that the two cannot drift apart.
enum KernelRules {
    static func refusal(of operation: Operation, in state: NodeState, schedulers: Set<Scheduler>) -> KernelFailure? {
        switch operation {
        case .setSysctl, .setTimeouts: return nil
        case .createSet(let definition):
            guard let standing = state.sets[definition.key] else { return nil }
            // With its exist flag, making a set that stands with the same type is no error.
            return otherType(standing, definition.key)
        case .growSet(let definition):
            guard let standing = state.sets[definition.key] else { return failure(.stale, ENOENT, "the set does not exist") }
            if let refusal = otherType(standing, definition.key) { return refusal }
            return standing.entries.count > Int(definition.maximumEntries) && definition.key.type != .bitmapPort
                ? failure(.resource, ENOSPC, "the set is full") : nil
        case .destroyLeftoverSet: return nil
        case .destroySet(let key):
            return state.sets[key] != nil && isUsed(key, in: state) ? failure(.conflict, EBUSY, "the set is used by a rule") : nil
        case .addMember(let member):
            guard let set = state.sets[member.set] else { return failure(.stale, ENOENT, "the set does not exist") }
            if let refusal = otherType(set, member.set) { return refusal }
            if set.entries.contains(member.entry) || member.set.type == .bitmapPort { return nil }
            if member.entry.mark != nil, set.entries.contains(where: { $0.withoutMark == member.entry.withoutMark }) { return nil }
            return set.entries.count >= Int(set.maximumEntries) ? failure(.resource, ENOSPC, "the set is full") : nil
        // What is gone already is gone.
        case .removeMember(let member): return state.sets[member.set].flatMap { otherType($0, member.set) }
        case .removeLink, .removeAddress: return nil
        case .changeRules(let change): return missingSet(in: change, state: state)
        case .createLink:
            guard case .present(let kind, _) = state.link, kind != "dummy" else { return nil }
            return failure(.conflict, EEXIST, "a link of kind \(kind) has this name")
        case .silenceLink, .addAddress:
            return state.link == .absent ? failure(.stale, ENODEV, "the link does not exist") : nil
        case .addVirtualServer(let server):
            if state.virtualServers[server.key] != nil { return failure(.stale, EEXIST, "the virtual server exists") }
            return unknownScheduler(of: server, schedulers)
        case .updateVirtualServer(let server):
            if state.virtualServers[server.key] == nil { return failure(.stale, ESRCH, "the virtual server does not exist") }
            return unknownScheduler(of: server, schedulers)
        case .removeVirtualServer(let key):
            return state.virtualServers[key] == nil ? failure(.stale, ESRCH, "the virtual server does not exist") : nil
        case .addRealServer(let server, let key):
            guard let standing = state.virtualServers[key] else { return failure(.stale, ESRCH, "the virtual server does not exist") }
            if let refusal = outOfRange(server) { return refusal }
            return standing.realServers[server.key] == nil ? nil : failure(.stale, EEXIST, "the real server exists")
        case .updateRealServer(let server, let key):
            guard let standing = state.virtualServers[key] else { return failure(.stale, ESRCH, "the virtual server does not exist") }
            if let refusal = outOfRange(server) { return refusal }
            return standing.realServers[server.key] == nil ? failure(.stale, ENOENT, "the real server does not exist") : nil
        case .removeRealServer(let server, let key):
            guard let standing = state.virtualServers[key] else { return failure(.stale, ESRCH, "the virtual server does not exist") }
            return standing.realServers[server] == nil ? failure(.stale, ENOENT, "the real server does not exist") : nil
        }
    }

    /// An entry is known by what it is without its mark: one that is added takes another mark's place, one that is removed goes whatever its
    /// mark.
    static func forgetMark(of operation: Operation, in state: inout NodeState) {
        switch operation {
        case .addMember(let member) where member.entry.mark != nil, .removeMember(let member) where member.entry.mark != nil:
            for entry in state.sets[member.set]?.entries ?? [] where entry.withoutMark == member.entry.withoutMark {
                state.sets[member.set]?.entries.remove(entry)
            }
        default: break
        }
    }

    private static func otherType(_ standing: ObservedSet, _ key: SetKey) -> KernelFailure? {
        standing.serves(as: key) ? nil : failure(.conflict, EEXIST, "a set of type \(standing.typeName) has this name")
    }

    private static func unknownScheduler(of server: VirtualServer, _ schedulers: Set<Scheduler>) -> KernelFailure? {
        schedulers.contains(server.configuration.scheduler)
            ? nil : failure(.missingFeature, ENOENT, "the kernel has no scheduler \"\(server.configuration.scheduler)\"")
    }

    private static func outOfRange(_ server: RealServer) -> KernelFailure? {
        let configuration = server.configuration
        return configuration.weight < 0 || configuration.lowerThreshold > configuration.upperThreshold
            ? failure(.other, ERANGE, "the weight is negative or the lower threshold is above the upper") : nil
    }

    /// A rule that names a set which does not exist is refused with its whole transaction.
    private static func missingSet(in change: RuleChange, state: NodeState) -> KernelFailure? {
        for rule in change.tables.values.flatMap(\.writtenChains.values).joined() {
            for name in RuleChange.setNames(in: rule) where SetKey(name: name).map({ state.sets[$0] == nil }) ?? true {
                return failure(.other, ENOENT, "set \(name) does not exist")
            }
        }
        return nil
    }

    private static func isUsed(_ key: SetKey, in state: NodeState) -> Bool {
        state.rules.values.contains { rules in
            rules.tables.values.contains { $0.chains.values.contains { $0.contains { RuleChange.setNames(in: $0).contains(key.name) } } }
        }
    }

    private static func failure(_ cause: KernelFailure.Cause, _ number: Int32, _ message: String) -> KernelFailure {
        KernelFailure(cause, message, errorNumber: number)
    }
}
