import FoundationEssentials
package import IPVSModel
package import NodeModel
import Planner
import RuntimeFiles
import Synchronization
package import Telemetry

/// Changes that people ask for, on their way to the loop, which carries them out one after the other.
///
/// Who asks waits for the loop a bounded time. A change that the loop has begun is waited for to its end, so that nobody is told that nothing
/// happened while something does.
package final class Changes: AgentChanges {
    /// The most that wait; more are refused.
    private static let mostWaiting = 16
    /// The kernel keeps the time in ticks (`ip_vs_set_timeout` in net/netfilter/ipvs/ip_vs_ctl.c refuses more).
    private static let longestTimeout: UInt32 = 2_147_483

    /// Reads a list, or says what is wrong with it, place by place.
    package typealias ListReader = @Sendable ([UInt8]) -> Result<[VirtualServer.Key: VirtualServerState], ListRefusal>

    package struct ListRefusal: Error {
        package var problems: [String]
        package init(_ problems: [String]) { self.problems = problems }
    }

    private struct Content {
        var waiting: [PendingChange] = []
        var wake: (@Sendable () -> Void)?
        var isClosed = false
    }

    private let content = Mutex(Content())
    private let board: StatusBoard
    private let patience: Duration
    private let read: ListReader
    private let namespace = NamespaceIdentity.current

    package init(board: StatusBoard, patience: Duration = .seconds(3), read: @escaping ListReader) {
        (self.board, self.patience, self.read) = (board, patience, read)
    }

    // MARK: For the loop

    func open(_ wake: @escaping @Sendable () -> Void) { content.withLock { $0.wake = wake } }

    /// The next change that somebody still waits for; it is begun with that.
    func next() -> PendingChange? {
        while true {
            guard let next = content.withLock({ $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) else { return nil }
            if next.begin() { return next }
        }
    }

    var isEmpty: Bool { content.withLock { $0.waiting.isEmpty } }

    /// Lets nobody wait for what does not come.
    func close() {
        let waiting = content.withLock { content in
            content.isClosed = true
            defer { content.waiting = [] }
            return content.waiting
        }
        for pending in waiting { pending.settle(.failure(.notNow(.stopping))) }
    }

    // MARK: For those who ask

    package func apply(_ request: ChangeRequest) async throws(ChangeFailure) -> ChangeReport {
        let pending = PendingChange(try change(of: request))
        let (refusal, wake): (InquiryFailure?, (@Sendable () -> Void)?) = content.withLock { content in
            if content.isClosed { return (.stopping, nil) }
            if content.waiting.count >= Self.mostWaiting { return (.crowded, nil) }
            content.waiting.append(pending)
            return (nil, content.wake)
        }
        if let refusal { throw .notNow(refusal) }
        wake?()
        let timer = Task { [patience, board] in
            try await Task.sleep(for: patience)
            pending.giveUp(.notNow(.busy(board.activity)))
        }
        defer { timer.cancel() }
        return try await pending.value.get()
    }

    private func change(of request: ChangeRequest) throws(ChangeFailure) -> HandChange {
        if let named = request.namespace, let namespace, named != namespace { throw .otherNamespace }
        var change = HandChange(removes: request.removes, force: request.force, isTrial: request.isTrial)
        change.actions = Set(request.actions.compactMap(TableChange.Action.init(rawValue:)))
        guard change.actions.count == request.actions.count, !change.actions.isEmpty else {
            throw .invalid(
                "\(request.actions.sorted().joined(separator: ",").prefix(100)) is no kind of change",
                remedy: "give some of add, update and remove")
        }
        if let timeouts = request.timeouts {
            guard [timeouts.tcp, timeouts.tcpFin, timeouts.udp].allSatisfy({ $0 <= Self.longestTimeout }) else {
                throw .invalid("a time-out is too long", remedy: "give 1 to \(Self.longestTimeout) seconds")
            }
            change.timeouts = ConnectionTimeouts(tcp: timeouts.tcp, tcpFin: timeouts.tcpFin, udp: timeouts.udp)
        }
        guard !request.list.isEmpty || request.timeouts == nil else { return change }
        switch read(Array(request.list)) {
        case .success(let servers): change.servers = servers
        case .failure(let refusal):
            throw .invalid(
                refusal.problems.prefix(50).joined(separator: "; "), remedy: "send a VirtualServerList, as ipvsctl save writes it")
        }
        guard change.servers.count <= ChangeRequest.mostVirtualServers else {
            throw .invalid(
                "\(change.servers.count) virtual servers are too many for one request",
                remedy: "send at most \(ChangeRequest.mostVirtualServers) at a time, what comes before what goes")
        }
        return change
    }
}

/// A change that is waited for: given up before the loop has begun it, or carried out.
final class PendingChange: Sendable {
    typealias Outcome = Result<ChangeReport, ChangeFailure>

    private enum State {
        case waiting(CheckedContinuation<Outcome, Never>?)
        case begun(CheckedContinuation<Outcome, Never>?)
        case over(Outcome)
    }

    let change: HandChange
    private let state = Mutex(State.waiting(nil))

    init(_ change: HandChange) { self.change = change }

    /// Whether somebody still waits. From then on it is not given up.
    func begin() -> Bool {
        state.withLock { state in
            guard case .waiting(let continuation) = state else { return false }
            state = .begun(continuation)
            return true
        }
    }

    /// Ends the wait of who asked, where the loop has not begun yet.
    func giveUp(_ failure: ChangeFailure) {
        let waiting: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard case .waiting(let continuation) = state else { return nil }
            state = .over(.failure(failure))
            return continuation
        }
        waiting?.resume(returning: .failure(failure))
    }

    func settle(_ outcome: Outcome) {
        let waiting: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .waiting(let continuation), .begun(let continuation):
                state = .over(outcome)
                return continuation
            case .over: return nil
            }
        }
        waiting?.resume(returning: outcome)
    }

    var value: Outcome {
        get async {
            await withCheckedContinuation { continuation in
                let outcome: Outcome? = state.withLock { state in
                    switch state {
                    case .over(let outcome): return outcome
                    case .waiting: state = .waiting(continuation)
                    case .begun: state = .begun(continuation)
                    }
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        }
    }
}
