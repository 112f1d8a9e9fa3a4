import Addresses
package import IPVSModel
import Logging
import NodeKernel
package import NodeModel
package import Planner
package import Telemetry

/// A change of the kernel's table that somebody asks for by hand.
package struct HandChange: Sendable {
    /// What is to stand; with `removes`, what is to go.
    package var servers: [VirtualServer.Key: VirtualServerState]
    package var timeouts: ConnectionTimeouts?
    package var removes: Bool
    package var actions: Set<TableChange.Action>
    package var force: Bool
    package var isTrial: Bool

    package init(
        servers: [VirtualServer.Key: VirtualServerState] = [:], timeouts: ConnectionTimeouts? = nil, removes: Bool = false,
        actions: Set<TableChange.Action> = Set(TableChange.Action.allCases), force: Bool = false, isTrial: Bool = false
    ) {
        (self.servers, self.timeouts, self.removes, self.actions) = (servers, timeouts, removes, actions)
        (self.force, self.isTrial) = (force, isTrial)
    }
}

/// What people change in the kernel through the agent. What the agent wants there itself stays its own: a change of that has to be forced, and
/// is drift from then on, which the next look finds and puts back.
extension Reconciler {
    /// Carries a change out, or none of it. The virtual servers are looked at exactly first, so what is done is what differs from the kernel as
    /// it is. Nothing is written to the journal: what is made by hand is nobody's to clean up, as it is without an agent. Ended in the middle,
    /// the kernel holds a part of the change, and asking for the same again does the rest.
    package func carryOut(_ change: HandChange) async -> Result<ChangeReport, ChangeFailure> {
        guard adopted.contains(.virtualServers) else { return .failure(.notNow(.starting)) }
        var found: [VirtualServer.Key: VirtualServerState] = [:]
        let named = change.servers.keys.sorted()
        do throws(KernelFailure) {
            for start in stride(from: 0, to: named.count, by: Self.exactAtOnce) {
                let keys = Array(named[start..<min(start + Self.exactAtOnce, named.count)])
                found.merge(try await kernel.observe(virtualServers: keys)) { $1 }
            }
        } catch {
            return .failure(.unseen("\(error)"))
        }
        let managed = managers(of: named)
        let difference = TableChange(
            from: found, to: change.removes ? [:] : change.servers, removing: { _ in change.removes },
            isOurs: { change.force || managed[$0] == nil }, actions: change.actions)
        let concerned = difference.keys.filter { managed[$0] != nil }.sorted()
        var putBack = concerned.map { ManagedServer(virtualServer: "\($0)", owner: managed[$0] ?? "") }
        var operations = difference.operations
        var isTimeoutManaged = false
        if let timeouts = change.timeouts, timeouts.difference(to: picture.state.timeouts) != ConnectionTimeouts() {
            isTimeoutManaged = timeouts.concerns(wanted.base.timeouts)
            if isTimeoutManaged { putBack.append(ManagedServer(virtualServer: "the time-outs", owner: "the agent's settings")) }
            operations.append(.setTimeouts(timeouts))
        }
        guard change.force || putBack.isEmpty else { return .failure(.managed(putBack)) }
        var report = ChangeReport(
            time: .now, isTrial: change.isTrial,
            leftAlone: difference.leftAlone.map { ManagedServer(virtualServer: "\($0)", owner: managed[$0] ?? "") }, putBack: putBack,
            looksEverySeconds: period.inSeconds)
        guard !change.isTrial, !operations.isEmpty else {
            report.operations = operations.map { .init(operation: "\($0)", outcome: "planned") }
            return .success(report)
        }
        let failures = await kernel.apply(operations).namingDependants
        note(operations, failures, found: found) { operation in
            if case .setTimeouts = operation { return isTimeoutManaged }
            return operation.virtualServer.map { managed[$0] != nil } ?? false
        }
        var failed = failures[...]
        for operation in operations {
            if let failure = failed.first, failure.operation == operation {
                failed.removeFirst()
                report.operations.append(
                    .init(
                        operation: "\(operation)", outcome: "failed", message: failure.failure.message, remedy: failure.failure.remedy))
            } else {
                report.operations.append(.init(operation: "\(operation)", outcome: "done"))
            }
        }
        tell(operations, failures, putBack)
        return .success(report)
    }

    /// Whose the virtual servers are that the agent manages.
    private func managers(of keys: [VirtualServer.Key]) -> [VirtualServer.Key: String] {
        var managers: [VirtualServer.Key: String] = [:]
        for key in keys {
            if let owner = wanted.claimants(of: key).first {
                managers[key] = "Service \(owner)"
            } else if let drain = drains[key].values.first {
                managers[key] = "the agent, which drains what is left of \(drain.owner)"
            } else if ownership.owns(key, in: picture.state) {
                managers[key] = "the agent, which serves its address or mark and removes there what no Service asks for"
            }
        }
        return managers
    }

    /// Takes what was done into the picture, but for what the agent wants otherwise: that is left to be found as drift.
    private func note(
        _ operations: [Operation], _ failures: [OperationFailure], found: [VirtualServer.Key: VirtualServerState],
        isManaged: (Operation) -> Bool
    ) {
        var failed = failures[...]
        var isLooked: Set<VirtualServer.Key> = []
        for operation in operations {
            let hasFailed = failed.first?.operation == operation
            if hasFailed { failed.removeFirst() }
            guard !isManaged(operation) else { continue }
            sweeps.leaveOut(operation)
            // Others may have changed it since the last look, which is no business of the agent's.
            if let key = operation.virtualServer, isLooked.insert(key).inserted, picture.state.virtualServers[key] != found[key] {
                picture.take(.virtualServer(key, left: picture.state.virtualServers[key], found: found[key]))
            }
            if !hasFailed { picture.apply(operation) }
        }
    }

    private func tell(_ operations: [Operation], _ failures: [OperationFailure], _ putBack: [ManagedServer]) {
        let first = operations.first.map { ": \($0)" } ?? ""
        let count = operations.count
        var message = "\(count) operation\(count == 1 ? "" : "s") asked for over the socket\(first)\(count > 1 ? " and more" : "")"
        if !failures.isEmpty { message += "; \(failures.count) failed" }
        if !putBack.isEmpty { message += "; forced, and put back at the next look: \(putBack.inShort)" }
        logger.notice("\(message)")
        for operation in operations { logger.debug("\(operation)") }
        events.post(.changedByHand, about: "table", message)
    }
}

extension [ManagedServer] {
    /// The first of them, with whose they are.
    package var inShort: String {
        let most = 20
        return prefix(most).map { "\($0.virtualServer) of \($0.owner)" }.joined(separator: ", ")
            + (count > most ? " and \(count - most) more" : "")
    }
}

extension Operation {
    /// The virtual server that is changed; nil for what is none.
    fileprivate var virtualServer: VirtualServer.Key? {
        switch self {
        case .addVirtualServer(let server), .updateVirtualServer(let server): server.key
        case .removeVirtualServer(let key), .addRealServer(_, let key), .updateRealServer(_, let key), .removeRealServer(_, let key): key
        default: nil
        }
    }
}

extension ConnectionTimeouts {
    /// Whether one of these is also one of others. (0 is none.)
    fileprivate func concerns(_ other: ConnectionTimeouts) -> Bool {
        tcp != 0 && other.tcp != 0 || tcpFin != 0 && other.tcpFin != 0 || udp != 0 && other.udp != 0
    }
}
