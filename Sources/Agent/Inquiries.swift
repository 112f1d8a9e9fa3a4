import Planner
import Synchronization
package import Telemetry

/// What the loop is asked, and what it answers. Anyone may ask; one answers.
///
/// Each question is a small piece of work and waits its turn like everything else that the loop has to do. What would be a large one (a
/// plan of everything) is put together from small ones. So whoever asks holds up a change by one answer at most.
package final class Inquiries: AgentInquiry {
    /// The most questions that wait; more are refused.
    private static let mostWaiting = 64
    /// How many are answered between two pieces of other work.
    private static let atOnce = 4
    /// How many things are compared for one answer.
    private static let sliceOfPlan = 500

    private struct Content {
        var waiting: [any PendingQuestion] = []
        var wake: (@Sendable () -> Void)?
        var isClosed = false
    }

    private let content = Mutex(Content())
    private let board: StatusBoard
    /// How long whoever asks is kept waiting.
    private let patience: Duration

    package init(board: StatusBoard, patience: Duration = .seconds(3)) {
        self.board = board
        self.patience = patience
    }

    // MARK: For the loop

    /// Has the loop woken when something is asked, or was before it began.
    func open(_ wake: @escaping @Sendable () -> Void) {
        content.withLock { $0.wake = wake }
        wake()
    }

    /// Answers a few questions, and says whether more wait.
    func answer(_ view: some AgentView) -> Bool {
        let (questions, hasMore) = content.withLock { content in
            let questions = Array(content.waiting.prefix(Self.atOnce))
            content.waiting.removeFirst(questions.count)
            return (questions, !content.waiting.isEmpty)
        }
        for question in questions { question.answer(view) }
        return hasMore
    }

    /// Lets nobody wait for an answer that does not come.
    func close() {
        let questions = content.withLock { content in
            content.isClosed = true
            defer { content.waiting = [] }
            return content.waiting
        }
        for question in questions { question.fail(.stopping) }
    }

    // MARK: For those who ask

    package func status() async throws(InquiryFailure) -> AgentStatus {
        try await ask { view throws(InquiryFailure) in view.status() }
    }

    package func serviceNames() async throws(InquiryFailure) -> [String] {
        try await ask { view throws(InquiryFailure) in view.serviceNames() }
    }

    package func services(_ names: [String]) async throws(InquiryFailure) -> [ServiceReport] {
        let names = Array(names.prefix(ServiceReport.batch))
        return try await ask { view throws(InquiryFailure) in view.services(names) }
    }

    package func entrances(of services: [String]) async throws(InquiryFailure) -> [ServiceEntrances] {
        let services = Array(services.prefix(ServiceReport.batch))
        return try await ask { view throws(InquiryFailure) in view.entrances(of: services) }
    }

    package func drift() async throws(InquiryFailure) -> DriftDocument {
        try await ask { view throws(InquiryFailure) in view.drift() }
    }

    package func plan() async throws(InquiryFailure) -> PlanDocument {
        // What differs is found a slice at a time, and then put in order by one last question about that alone.
        var slices = try await ask { view throws(InquiryFailure) in try view.everything() }
        var differing = Touched()
        var isCutOff = false
        while let slice = slices.next(Self.sliceOfPlan) {
            let found = try await ask { view throws(InquiryFailure) in view.differing(slice) }
            differing.formUnion(found)
            isCutOff = differing.count >= PlanDocument.limit
            if isCutOff { break }
        }
        return try await ask { [differing, isCutOff] view throws(InquiryFailure) in view.plan(differing, isCutOff: isCutOff) }
    }

    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (any AgentView) throws(InquiryFailure) -> Answer
    ) async throws(InquiryFailure) -> Answer {
        let pending = Question(question)
        let (refusal, wake): (InquiryFailure?, (@Sendable () -> Void)?) = content.withLock { content in
            if content.isClosed { return (.stopping, nil) }
            content.waiting.removeAll(where: \.isOver)
            if content.waiting.count >= Self.mostWaiting { return (.crowded, nil) }
            content.waiting.append(pending)
            return (nil, content.wake)
        }
        if let refusal { throw refusal }
        wake?()
        let timer = Task { [patience, board] in
            try await Task.sleep(for: patience)
            pending.fail(.busy(board.activity))
        }
        defer { timer.cancel() }
        return try await pending.value.get()
    }
}

/// What a question can see of the agent, while the loop answers it.
protocol AgentView {
    func status() -> AgentStatus
    func serviceNames() -> [String]
    func services(_ names: [String]) -> [ServiceReport]
    func entrances(of services: [String]) -> [ServiceEntrances]
    func drift() -> DriftDocument
    /// The names of all that is wanted or stands.
    func everything() throws(InquiryFailure) -> PlanSlices
    /// What of this differs from what is wanted.
    func differing(_ touched: Touched) -> Touched
    func plan(_ touched: Touched, isCutOff: Bool) -> PlanDocument
}

private protocol PendingQuestion: Sendable {
    /// Whether nobody waits for the answer any more.
    var isOver: Bool { get }
    func answer(_ view: any AgentView)
    func fail(_ failure: InquiryFailure)
}

/// A question whose answer, or failure, comes once.
private final class Question<Answer: Sendable>: PendingQuestion {
    private enum State {
        case open
        case awaited(CheckedContinuation<Result<Answer, InquiryFailure>, Never>)
        case over(Result<Answer, InquiryFailure>)
    }

    private let question: @Sendable (any AgentView) throws(InquiryFailure) -> Answer
    private let state = Mutex(State.open)

    init(_ question: @escaping @Sendable (any AgentView) throws(InquiryFailure) -> Answer) { self.question = question }

    var isOver: Bool { state.withLock { if case .over = $0 { true } else { false } } }

    func answer(_ view: any AgentView) {
        guard !isOver else { return }
        do throws(InquiryFailure) {
            settle(.success(try question(view)))
        } catch {
            settle(.failure(error))
        }
    }

    func fail(_ failure: InquiryFailure) { settle(.failure(failure)) }

    private func settle(_ result: Result<Answer, InquiryFailure>) {
        let waiting: CheckedContinuation<Result<Answer, InquiryFailure>, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .over(result)
                return nil
            case .awaited(let continuation):
                state = .over(result)
                return continuation
            case .over: return nil
            }
        }
        waiting?.resume(returning: result)
    }

    /// The answer, once it is there.
    var value: Result<Answer, InquiryFailure> {
        get async {
            await withCheckedContinuation { continuation in
                let result: Result<Answer, InquiryFailure>? = state.withLock { state in
                    if case .over(let result) = state { return result }
                    state = .awaited(continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        }
    }
}
