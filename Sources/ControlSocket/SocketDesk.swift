import FoundationEssentials
import HTTPServing
import Synchronization
import Telemetry

/// Answers requests, whatever carries them.
struct SocketDesk: Sendable {
    let inquiry: any AgentInquiry
    let administration: any AgentAdministration
    let changes: any AgentChanges
    let events: EventLog
    let board: StatusBoard
    let limits: ServingLimits
    private let seats: Seats

    init(
        inquiry: any AgentInquiry, administration: any AgentAdministration, changes: any AgentChanges, events: EventLog,
        board: StatusBoard, limits: ServingLimits
    ) {
        self.changes = changes
        self.inquiry = inquiry
        self.administration = administration
        self.events = events
        self.board = board
        self.limits = limits
        seats = Seats(limits.followers)
    }

    func answer(method: String, target: String, bodyLength: Int = 0, body: Data = Data()) async -> HTTPAnswer {
        do throws(RequestProblem) {
            let most = limits.bodyBytes(of: target)
            guard bodyLength <= most else { throw .tooLong(most) }
            switch try SocketRoute(method: method, target: target) {
            case .index: return try HTTPAnswer(document: SocketIndex())
            case .status: return try HTTPAnswer(document: try await status())
            case .services(let name?): return try HTTPAnswer(document: try await service(name))
            case .services(nil): return try await services()
            case .drift: return try HTTPAnswer(document: try await asking(inquiry.drift))
            case .plan: return try HTTPAnswer(document: try await asking(inquiry.plan))
            case .health: return try HTTPAnswer(document: try await asking(inquiry.health))
            case .drains: return try HTTPAnswer(document: try await asking(inquiry.drains))
            case .hands: return try HTTPAnswer(document: administration.hands())
            case .setHand(let scope, let key): return try HTTPAnswer(document: try setHand(scope, key, body))
            case .apply(var request):
                request.list = body
                return try HTTPAnswer(document: try await apply(request))
            case .clearHand(let scope, let key): return try HTTPAnswer(document: try clearHand(scope, key))
            case .events(let number, let isFollowing): return try lines(after: number, isFollowing: isFollowing)
            }
        } catch {
            return HTTPAnswer(error)
        }
    }

    private func setHand(_ scope: String, _ key: String, _ body: Data) throws(RequestProblem) -> HandReport {
        let request: HandRequest
        do {
            request = try JSONDecoder().decode(HandRequest.self, from: body)
        } catch let error as DecodingError {
            throw .body(error.inShort)
        } catch {
            throw .body("it is no JSON")
        }
        do throws(AdministrationFailure) {
            return try administration.set(scope, key, request)
        } catch {
            throw RequestProblem(error)
        }
    }

    private func clearHand(_ scope: String, _ key: String) throws(RequestProblem) -> HandReport {
        do throws(AdministrationFailure) {
            if let report = try administration.clear(scope, key) { return report }
        } catch {
            throw RequestProblem(error)
        }
        throw .nothingSaid(scope, key)
    }

    private func apply(_ request: ChangeRequest) async throws(RequestProblem) -> ChangeReport {
        do throws(ChangeFailure) {
            return try await changes.apply(request)
        } catch {
            throw RequestProblem(error)
        }
    }

    private func asking<Answer>(_ question: () async throws(InquiryFailure) -> Answer) async throws(RequestProblem) -> Answer {
        do throws(InquiryFailure) {
            return try await question()
        } catch {
            throw RequestProblem(error)
        }
    }

    /// The status; that of the last time where the agent is too busy to answer, since it is then that people ask.
    private func status() async throws(RequestProblem) -> AgentStatus {
        do throws(InquiryFailure) {
            return try await inquiry.status()
        } catch {
            guard let latest = board.latest else { throw RequestProblem(error) }
            return latest
        }
    }

    private func service(_ name: String) async throws(RequestProblem) -> ServiceReport {
        let reports = try await asking { () async throws(InquiryFailure) in try await inquiry.services([name]) }
        guard let report = reports.first else { throw .noService(name) }
        return report
    }

    /// All Services, a line each. They are asked for some at a time, as the reader takes them, so that neither the agent's loop nor memory
    /// has to bear them all at once.
    private func services() async throws(RequestProblem) -> HTTPAnswer {
        let names = try await asking(inquiry.serviceNames).sorted()
        let inquiry = inquiry
        return HTTPAnswer(
            .parts { write in
                let head = #"{"apiVersion":"\#(TelemetryJSON.apiVersion)","kind":"ServiceReportList","time":"\#(Moment.now)","items":["#
                try await write(Data((head + "\n").utf8))
                var separator = Data()
                for start in stride(from: 0, to: names.count, by: ServiceReport.batch) {
                    let batch = names[start..<min(start + ServiceReport.batch, names.count)]
                    var data = Data()
                    for report in try await inquiry.services(Array(batch)) {
                        data += separator
                        data += try TelemetryJSON.line(report).dropLast()
                        separator = Data(",\n".utf8)
                    }
                    try await write(data)
                }
                try await write(Data("\n]}\n".utf8))
            })
    }

    private func lines(after number: UInt64, isFollowing: Bool) throws(RequestProblem) -> HTTPAnswer {
        let events = events
        let type = "application/x-ndjson"
        guard isFollowing else {
            let last = events.last
            return HTTPAnswer(
                .parts { write in
                    var position = number
                    while true {
                        let batch = events.after(position, limit: EventFollower.batch).filter { $0.number <= last }
                        guard let end = batch.last?.number else { return }
                        position = end
                        try await write(Self.lines(batch))
                    }
                }, contentType: type)
        }
        guard let seat = seats.take() else { throw .tooManyFollow }
        return HTTPAnswer(
            .endless { write in
                for await batch in events.follow(after: number) { try await write(Self.lines(batch)) }
                seat.keep()
            }, contentType: type)
    }

    private static func lines(_ events: [AgentEvent]) throws -> Data {
        try events.reduce(into: Data()) { $0 += try TelemetryJSON.line($1) }
    }
}

/// What `GET /v1` answers.
private struct SocketIndex: Encodable {
    var apiVersion = TelemetryJSON.apiVersion
    var kind = "SocketIndex"
    var pages = SocketPage.all
}

/// So many may do something at a time.
private final class Seats: Sendable {
    private let free: Mutex<Int>

    init(_ count: Int) { free = Mutex(count) }

    /// A seat that is given back when nobody holds it any more; nil where all are taken.
    func take() -> Seat? {
        let isFree = free.withLock { count in
            guard count > 0 else { return false }
            count -= 1
            return true
        }
        return isFree ? Seat(self) : nil
    }

    final class Seat: Sendable {
        private let seats: Seats

        fileprivate init(_ seats: Seats) { self.seats = seats }

        /// Says that the seat is held until here.
        func keep() {}

        deinit { seats.free.withLock { $0 += 1 } }
    }
}

extension DecodingError {
    /// What is wrong, and at which field.
    fileprivate var inShort: String {
        switch self {
        case .dataCorrupted(let context): (context.codingPath.last.map { "\($0.stringValue): " } ?? "") + context.debugDescription
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(context.codingPath.last?.stringValue ?? "it"): \(context.debugDescription)"
        @unknown default: "it is not as it should be"
        }
    }
}
