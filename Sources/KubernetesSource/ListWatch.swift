import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import ServiceModel

/// Carries out what a reflector decides: sends its requests, takes the answers apart, and hands objects to the mirror.
actor ListWatch {
    private let resource: Resource
    private let client: APIClient
    private let mirror: SharedMirror
    private let timing: ReflectorTiming
    private let logger: Logger
    private var reflector: Reflector

    /// An object of the API is bounded by what a request may hold (3 MiB); this leaves room for escapes.
    static let largestObject = 8 << 20

    init(_ resource: Resource, client: APIClient, mirror: SharedMirror, timing: ReflectorTiming, offersStreaming: Bool, logger: Logger) {
        self.resource = resource
        self.client = client
        self.mirror = mirror
        self.timing = timing
        self.logger = logger
        reflector = Reflector(timing: timing, offersStreaming: offersStreaming)
    }

    private var kind: SourceObject.Kind { resource.kind }

    /// Follows the resource until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            switch reflector.next(now: .now, chance: .random(in: 0..<1)) {
            case .wait(let duration): try? await Task.sleep(for: duration)
            case .send(let request): await perform(request)
            }
        }
    }

    /// How a request went.
    private enum Outcome: Sendable {
        case ended(Reflector.Ending)
        /// The answer was left, and the reflector knows what comes next.
        case left
    }

    private func perform(_ request: ReflectorRequest) async {
        if request.beginsList { mirror.collect { $0.beginList(kind) } }
        logger.trace("asking", metadata: ["path": "\(request.path(of: resource))"])
        let outcome = await answer(to: request)
        guard !Task.isCancelled else { return }
        if case .ended(let ending) = outcome {
            logger.debug("answered", metadata: ["path": "\(resource.path)", "how": "\(ending)"])
            if reflector.take(ending, now: .now, chance: .random(in: 0..<1)) { _ = endList() }
        }
        tellTrouble()
    }

    private func tellTrouble() {
        mirror.setFailure(kind, reflector.lastFailure)
        mirror.change { $0.setTrouble(kind, reflector.trouble?.message) }
    }

    /// Ends a list; says whether it stands as it is.
    private func endList() -> Bool {
        let isDoubtful = mirror.change { $0.endList(kind) }
        if isDoubtful { reflector.confirm() }
        return !isDoubtful
    }

    private func stayed() {
        reflector.stayed()
        tellTrouble()
    }

    private func answer(to request: ReflectorRequest) async -> Outcome {
        let response: HTTPClientResponse
        do throws(APIClient.Failure) {
            response = try await client.send(path: request.path(of: resource))
        } catch {
            return .ended(.broken(error.message))
        }
        let opened = ContinuousClock.now
        let dog = Watchdog(deadline(request, opened: opened))
        return await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await self.read(response, request, opened, dog) }
            group.addTask {
                await dog.wait()
                return Task.isCancelled ? nil : .ended(.silent)
            }
            if request.isStream {
                group.addTask { [timing] in
                    do { try await Task.sleep(for: timing.shortWatch) } catch { return nil }
                    await self.stayed()
                    return nil
                }
            }
            defer { group.cancelAll() }
            while let next = await group.next() {
                if let outcome = next { return outcome }
            }
            return .left
        }
    }

    /// Until when the next bytes have to come.
    private func deadline(_ request: ReflectorRequest, opened: ContinuousClock.Instant) -> ContinuousClock.Instant {
        guard let limit = reflector.limit(of: request) else { return .now + timing.answerSilence }
        return min(opened + limit, reflector.patience.map { .now + $0 } ?? opened + limit)
    }

    private func read(
        _ response: HTTPClientResponse, _ request: ReflectorRequest, _ opened: ContinuousClock.Instant, _ dog: Watchdog
    ) async -> Outcome {
        do {
            guard response.status == .ok else {
                dog.move(to: .now + timing.answerSilence)
                return .ended(try await refusal(response))
            }
            var splitter = JSONSplitter(fields: ["metadata"], elementsOf: "items", maximum: Self.largestObject)
            var metadata: ListMetadata?
            var lines = LineFramer(maximum: Self.largestObject)
            for try await buffer in response.body {
                let bytes = Array(buffer.readableBytesView)
                var outcome: Outcome?
                if request.isStream {
                    lines.take(bytes) { line in if outcome == nil { outcome = take(line) } }
                } else {
                    try splitter.take(bytes) { part in
                        switch part {
                        case .field(_, let bytes): metadata = try? JSONDecoder().decode(ListMetadata.self, from: Data(bytes))
                        case .element(let bytes): take(element: .whole(bytes))
                        case .giantElement(let beginning): take(element: .giant(beginning: beginning))
                        }
                    }
                }
                mirror.change { _ in }
                if let outcome { return outcome }
                dog.move(to: deadline(request, opened: opened))
            }
            if request.isStream { return .ended(lines.isInside ? .broken("a watch was cut off in the middle of a line") : .ended) }
            guard splitter.isComplete else { return .ended(.broken("a list was cut off")) }
            guard let metadata else { return .ended(.unreadable("the API server gave a list without metadata")) }
            return .ended(.page(resourceVersion: metadata.resourceVersion ?? "", continuation: metadata.continuation))
        } catch is JSONSplitter.Malformed {
            return .ended(.unreadable("the API server gave a list that is no JSON"))
        } catch {
            return .ended(.broken(ConnectionFailure.words(error)))
        }
    }

    private func refusal(_ response: HTTPClientResponse) async throws -> Reflector.Ending {
        var body: [UInt8] = []
        for try await buffer in response.body {
            body += buffer.readableBytesView.prefix(64 << 10 - body.count)
            if body.count >= 64 << 10 { break }
        }
        let status = APIStatus(code: Int(response.status.code), body: body)
        let seconds = response.headers.first(name: "Retry-After").flatMap { Int($0) } ?? status.retryAfterSeconds
        return .refused(status, retryAfter: seconds.map { .seconds(max(0, min($0, 86_400))) })
    }

    /// What of a page is needed besides its objects.
    private struct ListMetadata: Decodable {
        var resourceVersion: String?
        var continuation: String?

        enum CodingKeys: String, CodingKey {
            case resourceVersion
            case continuation = "continue"
        }
    }

    private func take(element: LineFramer.Line) {
        let (_, reading) = ObjectReading.read(element, kind)
        mirror.collect { $0.take(kind, reading) }
    }

    /// Takes a line of a watch; gives how the answer ends where it ends with this.
    private func take(_ line: LineFramer.Line) -> Outcome? {
        guard let event = WatchEvent(line) else { return .ended(.unreadable("the API server sent a line that is no event")) }
        let verdict: Reflector.Verdict
        switch event.type {
        case .added, .modified:
            let (identity, reading) = ObjectReading.read(event.object, kind)
            guard identity.objectName != nil, !identity.resourceVersion.isEmpty else {
                return .ended(.unreadable("the API server sent an event whose object has no name or version"))
            }
            mirror.collect { $0.take(kind, reading) }
            verdict = reflector.take(.change(resourceVersion: identity.resourceVersion))
        case .deleted:
            let identity = ObjectIdentity(event.object.bytes)
            guard let name = identity.objectName, !identity.resourceVersion.isEmpty else {
                return .ended(.unreadable("the API server sent an event whose object has no name or version"))
            }
            mirror.collect { $0.remove(kind, name) }
            verdict = reflector.take(.change(resourceVersion: identity.resourceVersion))
        case .bookmark:
            let identity = ObjectIdentity(event.object.bytes)
            verdict = reflector.take(
                .bookmark(resourceVersion: identity.resourceVersion, endsInitialEvents: identity.endsInitialEvents))
        case .error: verdict = reflector.take(.error(APIStatus(object: event.object.bytes)))
        case .unknown: return nil
        }
        switch verdict {
        case .go: return nil
        case .listComplete:
            tellTrouble()
            return endList() ? nil : .left
        case .leave: return .ended(.ended)
        }
    }
}
