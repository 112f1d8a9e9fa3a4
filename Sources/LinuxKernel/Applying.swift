import Addresses
import IPSets
import IPVS
import Links
import NetlinkTransport
package import NodeKernel
package import NodeModel
import PacketRules
import Sysctls

extension LinuxKernel {
    /// Neighbouring operations of one subsystem go to the kernel together, some thousands at once: what they are turned into takes room too.
    package func apply(_ operations: ArraySlice<Operation>) async -> [OperationFailure] {
        var failures: [OperationFailure] = []
        var rest = operations
        // Somebody else writes rules, and each of our writes would wait for that as long as the one before.
        var rulesAreHeld: KernelFailure?
        while let first = rest.first {
            if first.ipvsOperation != nil {
                failures += applyIPVS(take(from: &rest) { $0.ipvsOperation != nil })
            } else if first.setChange != nil {
                failures += applyMembers(take(from: &rest) { $0.setChange != nil })
            } else if first.addressChange != nil {
                failures += applyAddresses(take(from: &rest) { $0.addressChange != nil })
            } else {
                rest.removeFirst()
                if case .changeRules = first, let rulesAreHeld {
                    failures.append(OperationFailure(first, rulesAreHeld))
                    continue
                }
                do throws(KernelFailure) {
                    try await applySingle(first)
                } catch {
                    failures.append(OperationFailure(first, error))
                    if case .changeRules = first, error.cause == .resource { rulesAreHeld = error }
                }
            }
        }
        return failures
    }

    package func takeCost() -> KernelCost {
        defer { cost = KernelCost() }
        return cost
    }

    private static var mostAtOnce: Int { 4000 }

    private func take(from rest: inout ArraySlice<Operation>, while belongs: (Operation) -> Bool) -> ArraySlice<Operation> {
        let run = rest.prefix(Self.mostAtOnce).prefix(while: belongs)
        rest = rest.dropFirst(run.count)
        return run
    }

    private func applyIPVS(_ operations: ArraySlice<Operation>) -> [OperationFailure] {
        do throws(KernelFailure) {
            let changes = operations.compactMap(\.ipvsOperation)
            let failures = try withIPVS { (handle) throws(IPVSError) in
                let (sent, began) = (handle.statistics, ContinuousClock.now)
                defer { charge(.ipvs, since: began, handle.statistics, sent) }
                return handle.execute(changes)
            }
            return failures.map { OperationFailure(operations[operations.startIndex + $0.index], KernelFailure($0.error)) }
        } catch {
            return operations.map { OperationFailure($0, error) }
        }
    }

    private func applyMembers(_ operations: ArraySlice<Operation>) -> [OperationFailure] {
        do throws(KernelFailure) {
            let changes = operations.compactMap(\.setChange)
            let began = ContinuousClock.now
            defer { cost.spend(.now - began, on: .sets) }
            let failures = try withSets { (session) throws(SetError) in session.change(changes) }
            return failures.map { OperationFailure(operations[operations.startIndex + $0.index], KernelFailure($0.error)) }
        } catch {
            return operations.map { OperationFailure($0, error) }
        }
    }
}

extension LinuxKernel {
    private func applyAddresses(_ operations: ArraySlice<Operation>) -> [OperationFailure] {
        do throws(KernelFailure) {
            let changes = operations.compactMap(\.addressChange)
            let failures = try withLinks { (socket) throws(LinkError) in
                let (sent, began) = (socket.statistics, ContinuousClock.now)
                defer { charge(.links, since: began, socket.statistics, sent) }
                guard let link = try socket.link(named: linkName) else {
                    // With the link its addresses are gone.
                    return changes.indices.filter { changes[$0].isAddition }.map { AddressFailure(index: $0, error: .noSuchLink(linkName)) }
                }
                return socket.change(changes, on: link)
            }
            return failures.map { OperationFailure(operations[operations.startIndex + $0.index], KernelFailure($0.error)) }
        } catch {
            return operations.map { OperationFailure($0, error) }
        }
    }

    /// Notes what an exchange has cost, by what a socket had sent after and before it.
    private func charge(
        _ subsystem: KernelCost.Subsystem, since began: ContinuousClock.Instant, _ after: NetlinkSocketStatistics,
        _ before: NetlinkSocketStatistics
    ) {
        cost.spend(.now - began, on: subsystem)
        cost.messages += after.messages - before.messages
        cost.sends += after.sends - before.sends
    }

    private func applySingle(_ operation: Operation) async throws(KernelFailure) {
        let (began, processes) = (ContinuousClock.now, ruleProcesses)
        defer {
            cost.spend(.now - began, on: operation.subsystem)
            cost.processes += ruleProcesses - processes
        }
        switch operation {
        case .setSysctl(let name, let value):
            do throws(SysctlError) { try SysctlFiles().write(name, value) } catch { throw KernelFailure(error) }
        case .createSet(let definition): try withSets { (session) throws(SetError) in try session.create(definition) }
        case .growSet(let definition):
            release(definition.key)
            try withSets { (session) throws(SetError) in try session.grow(definition) }
        case .destroyLeftoverSet: try withSets { (session) throws(SetError) in try session.destroyLeftover() }
        case .destroySet(let key):
            release(key)
            try withSets { (session) throws(SetError) in try session.destroy(key) }
        case .changeRules(let change):
            defer { rulesAtChoice.forget() }
            try await withRules(processes: 1) { (tool) async throws(RuleError) in try await tool.apply(change) }
        case .createLink(let name): _ = try withLinks { (socket) throws(LinkError) in try socket.createDummy(name) }
        case .silenceLink(let name): _ = try withLinks { (socket) throws(LinkError) in try socket.silence(name) }
        case .removeLink(let name): try withLinks { (socket) throws(LinkError) in try socket.remove(name) }
        default: preconditionFailure("\(operation) is applied with its neighbours")
        }
    }
}

extension Operation {
    /// The part of the kernel that this goes to.
    var subsystem: KernelCost.Subsystem {
        switch self {
        case .setSysctl: .sysctls
        case .createSet, .growSet, .destroySet, .destroyLeftoverSet, .addMember, .removeMember: .sets
        case .changeRules: .rules
        case .createLink, .silenceLink, .removeLink, .addAddress, .removeAddress: .links
        case .setTimeouts, .addVirtualServer, .updateVirtualServer, .removeVirtualServer, .addRealServer, .updateRealServer,
            .removeRealServer:
            .ipvs
        }
    }

    /// The same for IPVS; nil where it is not for IPVS.
    var ipvsOperation: IPVSOperation? {
        switch self {
        case .setTimeouts(let timeouts): .setTimeouts(timeouts)
        case .addVirtualServer(let server): .addVirtualServer(server)
        case .updateVirtualServer(let server): .updateVirtualServer(server)
        case .removeVirtualServer(let key): .removeVirtualServer(key)
        case .addRealServer(let server, let key): .addRealServer(server, to: key)
        case .updateRealServer(let server, let key): .updateRealServer(server, of: key)
        case .removeRealServer(let server, let key): .removeRealServer(server, from: key)
        default: nil
        }
    }

    var setChange: SetChange? {
        switch self {
        case .addMember(let member): .add(member)
        case .removeMember(let member): .remove(member)
        default: nil
        }
    }

    var addressChange: AddressChange? {
        switch self {
        case .addAddress(let address): .add(address)
        case .removeAddress(let address): .remove(address)
        default: nil
        }
    }
}
