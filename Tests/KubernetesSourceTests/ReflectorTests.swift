import Testing

@testable import KubernetesSource

/// The decisions of a reflector, without a server: what it asks, what it is answered, what it asks then.
@Suite struct ReflectorTests {
    /// One request with its answer: the events that come first, and how it ended.
    struct Turn {
        var events: [Reflector.Event] = []
        var ending: Reflector.Ending?
        /// How long the answer took.
        var took = Duration.seconds(2)
        /// What is asked next.
        var next: String
        /// What is waited before that.
        var waits: ClosedRange<Duration>?

        init(
            _ events: [Reflector.Event] = [], _ ending: Reflector.Ending?, took: Duration = .seconds(2), next: String,
            waits: ClosedRange<Duration>? = nil
        ) {
            (self.events, self.ending, self.took, self.next, self.waits) = (events, ending, took, next, waits)
        }
    }

    struct Script: CustomTestStringConvertible {
        var testDescription: String
        var streaming = true
        var turns: [Turn]

        init(_ description: String, streaming: Bool = true, _ turns: [Turn]) {
            (testDescription, self.streaming, self.turns) = (description, streaming, turns)
        }
    }

    /// A request in a few words: `list`, `list >TOKEN`, `list all`, `stream`, `watch 7`.
    private static func words(_ request: ReflectorRequest) -> String {
        switch request {
        case .page(nil, .some): "list"
        case .page(nil, nil): "list all"
        case .page(let token?, .some): "list >\(token)"
        case .page(let token?, nil): "list all >\(token)"
        case .streamingList: "stream"
        case .watch(let version, _): "watch \(version)"
        }
    }

    private static let first = Duration.milliseconds(800) ... .milliseconds(1600)
    private static let end = Reflector.Event.bookmark(resourceVersion: "7", endsInitialEvents: true)
    private static let listed = Turn([], .page(resourceVersion: "7", continuation: nil), next: "watch 7")
    private static func refused(_ code: Int, _ reason: String = "", message: String = "", after: Int? = nil) -> Reflector.Ending {
        .refused(APIStatus(code: code, reason: reason, message: message), retryAfter: after.map { .seconds($0) })
    }
    private static func error(_ code: Int, _ reason: String = "", message: String = "") -> Reflector.Event {
        .error(APIStatus(code: code, reason: reason, message: message))
    }

    static let scripts: [Script] = [
        Script(
            "pages, then a watch from the list's version", streaming: false,
            [
                Turn([], .page(resourceVersion: "7", continuation: "a"), next: "list >a"),
                Turn([], .page(resourceVersion: "7", continuation: "b"), next: "list >b"), listed,
            ]),
        Script(
            "a streaming list goes on as a watch, and ends as one",
            [
                Turn([.change(resourceVersion: "3"), end, .change(resourceVersion: "9")], .ended, took: .seconds(400), next: "watch 9")
            ]),
        Script("streaming lists that are switched off", [Turn([], refused(422, "Invalid"), next: "list"), listed]),
        Script(
            "streaming lists over etcd 3.4",
            [
                Turn(
                    [.change(resourceVersion: "3"), error(500, message: "etcdserver: RequestWatchProgress is disabled")], .ended,
                    next: "list"),
                listed, Turn([error(410, "Expired")], .ended, next: "list", waits: first),
            ]),
        Script(
            "a server that does not know streaming lists",
            [
                Turn([.change(resourceVersion: "3")], .silent, next: "list"), listed,
            ]),
        Script(
            "a streaming list that the server ends too soon",
            [
                Turn([.change(resourceVersion: "3")], .ended, next: "list", waits: first)
            ]),
        Script(
            "a streaming list that breaks at once is tried again, one that breaks later is not",
            [
                Turn([], .broken("reset"), next: "stream", waits: first),
                Turn([.change(resourceVersion: "3")], .broken("reset"), next: "list", waits: .milliseconds(1600) ... .milliseconds(3200)),
            ]),
        Script(
            "a crowded server is waited for, as long as it says",
            [
                Turn([], refused(429, "TooManyRequests", after: 7), next: "stream", waits: .seconds(7) ... .seconds(7))
            ]),
        Script(
            "Retry-After has a bound", streaming: false,
            [
                Turn([], refused(503, after: 86_400), next: "list", waits: .seconds(600) ... .seconds(600))
            ]),
        Script(
            "a crowded server knows the page again", streaming: false,
            [
                Turn([], .page(resourceVersion: "7", continuation: "a"), next: "list >a"),
                Turn([], refused(429), next: "list >a", waits: first),
            ]),
        Script(
            "a token that has run out, once and again", streaming: false,
            [
                Turn([], .page(resourceVersion: "7", continuation: "a"), next: "list >a"),
                Turn([], refused(410, "Expired"), next: "list"),
                Turn([], .page(resourceVersion: "8", continuation: "b"), next: "list >b"),
                Turn([], refused(410, "Expired"), next: "list all", waits: first), listed,
            ]),
        Script(
            "a page that breaks is asked for again", streaming: false,
            [
                Turn([], .page(resourceVersion: "7", continuation: "a"), next: "list >a"),
                Turn([], .broken("reset"), next: "list >a", waits: first),
            ]),
        Script(
            "a list without a version cannot be watched on", streaming: false,
            [
                Turn([], .page(resourceVersion: "", continuation: nil), next: "list", waits: first)
            ]),
        Script(
            "no permission: asked for again, ever later", streaming: false,
            [
                Turn([], refused(403, "Forbidden"), next: "list", waits: first),
                Turn([], refused(403, "Forbidden"), next: "list", waits: .milliseconds(1600) ... .milliseconds(3200)),
                Turn([], refused(403, "Forbidden"), next: "list", waits: .milliseconds(3200) ... .milliseconds(6400)),
            ]),
        Script(
            "a watch goes on where it ended", streaming: false,
            [
                listed, Turn([.change(resourceVersion: "9")], .ended, took: .seconds(300), next: "watch 9"),
                Turn([.bookmark(resourceVersion: "12", endsInitialEvents: false)], .ended, took: .seconds(300), next: "watch 12"),
                Turn([.change(resourceVersion: "13")], .broken("reset"), next: "watch 13", waits: first),
            ]),
        Script(
            "an expired watch, as an event", streaming: false,
            [
                listed, Turn([error(410, "Expired")], .ended, next: "list", waits: first),
            ]),
        Script(
            "an expired watch, as a status", streaming: false,
            [
                listed, Turn([], refused(410, "Gone"), next: "list", waits: first),
            ]),
        Script(
            "a watch that is refused for the moment", streaming: false,
            [
                listed, Turn([], refused(429, after: 3), next: "watch 7", waits: .seconds(3) ... .seconds(3)),
                Turn([], refused(401), next: "watch 7", waits: .milliseconds(1600) ... .milliseconds(3200)),
            ]),
        Script(
            "a watch that the server cannot serve, four times", streaming: false,
            [
                listed, Turn([], refused(500), next: "watch 7", waits: first),
                Turn([error(500)], .ended, next: "watch 7"), Turn([], refused(503), next: "watch 7"),
                Turn([], refused(500), next: "list"),
            ]),
        Script(
            "a version that the server does not know yet", streaming: false,
            [
                listed,
                Turn(
                    [], .refused(APIStatus(code: 504, reason: "Timeout", causes: ["ResourceVersionTooLarge"]), retryAfter: .seconds(1)),
                    next: "list", waits: .seconds(1) ... .milliseconds(1600)),
            ]),
        Script(
            "a watch that tells nothing in all its time", streaming: false,
            [
                listed, Turn([], .ended, took: .seconds(400), next: "list"),
            ]),
        Script(
            "a watch that outstays its time, and told something or nothing", streaming: false,
            [
                listed, Turn([.change(resourceVersion: "9")], .silent, took: .seconds(630), next: "watch 9"),
                Turn([], .silent, took: .seconds(630), next: "list"),
            ]),
        Script(
            "watches that end at once are no watches", streaming: false,
            [
                listed, Turn([], .ended, took: .zero, next: "watch 7", waits: first), Turn([], .ended, took: .zero, next: "watch 7"),
                Turn([], .ended, took: .zero, next: "watch 7"), Turn([], .ended, took: .zero, next: "list"),
            ]),
        Script(
            "a line that cannot be read may have been anything", streaming: false,
            [
                listed, Turn([.change(resourceVersion: "9")], .unreadable("no JSON"), next: "list", waits: first),
            ]),
        Script(
            "an outage of an hour is no reason to list", streaming: false,
            [
                listed, Turn([], .broken("refused"), next: "watch 7", waits: first),
                Turn([], .broken("refused"), next: "watch 7", waits: .milliseconds(1600) ... .milliseconds(3200)),
                Turn([], .broken("refused"), next: "watch 7", waits: .milliseconds(3200) ... .milliseconds(6400)),
                Turn([], .broken("refused"), next: "watch 7", waits: .milliseconds(6400) ... .milliseconds(12_800)),
                Turn([], .broken("refused"), next: "watch 7", waits: .milliseconds(12_800) ... .milliseconds(25_600)),
                Turn([], .broken("refused"), next: "watch 7", waits: .seconds(15) ... .seconds(30)),
                Turn([], .broken("refused"), next: "watch 7", waits: .seconds(15) ... .seconds(30)),
            ]),
    ]

    @Test(arguments: scripts) func itAsks(_ script: Script) {
        var reflector = Reflector(offersStreaming: script.streaming)
        var now = ContinuousClock.now
        let result33 = Self.step(&reflector, &now)
        #expect(result33.request == (script.streaming ? "stream" : "list"))
        for (index, turn) in script.turns.enumerated() {
            var isLeft = false
            for event in turn.events where !isLeft { isLeft = reflector.take(event) == .leave }
            now += turn.took
            if let ending = turn.ending { _ = reflector.take(isLeft ? .ended : ending, now: now, chance: 0.5) }
            let (request, waited) = Self.step(&reflector, &now)
            #expect(request == turn.next, "turn \(index)")
            if let waits = turn.waits {
                #expect(waits.contains(waited), "turn \(index): waits \(waited)")
            } else if turn.ending.map({ if case .page = $0 { true } else { false } }) ?? false {
                #expect(waited == .zero, "turn \(index)")
            }
        }
    }

    /// The next request, and what is waited before it.
    private static func step(
        _ reflector: inout Reflector, _ now: inout ContinuousClock.Instant, chance: Double = 0.5
    ) -> (request: String, waited: Duration) {
        var waited = Duration.zero
        while true {
            switch reflector.next(now: now, chance: chance) {
            case .wait(let duration):
                waited += duration
                now += duration
            case .send(let request): return (words(request), waited)
            }
        }
    }

    /// A version that the server no longer has is nobody's fault: nothing is told as wrong, and the whole is asked for.
    @Test(arguments: [false, true]) func anExpiredVersionIsNoTrouble(isEvent: Bool) {
        let expired = APIStatus(code: 410, reason: "Expired", message: "too old")
        var reflector = Reflector(offersStreaming: false)
        var now = ContinuousClock.now
        _ = Self.step(&reflector, &now)
        _ = reflector.take(.page(resourceVersion: "7", continuation: nil), now: now, chance: 0)
        for _ in 0..<3 {
            let watch = Self.step(&reflector, &now).request
            #expect(watch == "watch 7")
            if isEvent {
                let verdict = reflector.take(.error(expired))
                #expect(verdict == .leave)
            }
            _ = reflector.take(isEvent ? .ended : .refused(expired, retryAfter: nil), now: now, chance: 0)
            #expect(reflector.lastFailure == nil && reflector.trouble == nil)
            let list = Self.step(&reflector, &now).request
            #expect(list == "list")
            _ = reflector.take(.page(resourceVersion: "7", continuation: nil), now: now, chance: 0)
        }
    }

    @Test func listsAreCompleteAtTheirLastPage() {
        var reflector = Reflector(offersStreaming: false)
        _ = reflector.next(now: .now, chance: 0)
        let result34 = reflector.take(.page(resourceVersion: "7", continuation: "a"), now: .now, chance: 0)
        #expect(!result34)
        _ = reflector.next(now: .now, chance: 0)
        let result35 = reflector.take(.page(resourceVersion: "7", continuation: nil), now: .now, chance: 0)
        #expect(result35)
    }

    @Test func theTimesOfWatchesAreByChanceInTheirRange() {
        for (chance, seconds) in [(0.0, 300), (0.5, 450), (0.9999, 599)] {
            var reflector = Reflector()
            let result36 = reflector.next(now: .now, chance: chance)
            #expect(result36 == .send(.streamingList(seconds: seconds)))
        }
    }

    @Test func oneFailureIsNoTroubleAndTwoAre() {
        var reflector = Reflector(offersStreaming: false)
        var now = ContinuousClock.now
        let began = now
        _ = Self.step(&reflector, &now)
        _ = reflector.take(.broken("connection refused"), now: now, chance: 0)
        #expect(reflector.trouble == nil && reflector.lastFailure == "connection refused")
        _ = Self.step(&reflector, &now)
        _ = reflector.take(.broken("no route"), now: now, chance: 0)
        #expect(reflector.trouble == Reflector.Trouble(since: began, message: "no route"))
        _ = Self.step(&reflector, &now)
        _ = reflector.take(.page(resourceVersion: "7", continuation: nil), now: now, chance: 0)
        #expect(reflector.trouble == nil && reflector.lastFailure == nil)
    }

    @Test func backOffBeginsAnewAfterTwoQuietMinutes() {
        var backoff = Backoff()
        var now = ContinuousClock.now
        for _ in 0..<8 { _ = backoff.next(now: now, chance: 1) }
        let result37 = backoff.next(now: now, chance: 1)
        let result38 = backoff.next(now: now, chance: 0)
        #expect(result37 == .seconds(30) && result38 == .seconds(15))
        now += .seconds(121)
        let result39 = backoff.next(now: now, chance: 0)
        #expect(result39 == .milliseconds(800))
    }

    @Test func requestsAreSpelledAsTheServerDemands() {
        #expect(
            ReflectorRequest.page(continuation: nil, limit: 500).path(of: .services)
                == "/api/v1/services?labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name&limit=500"
        )
        #expect(
            ReflectorRequest.streamingList(seconds: 300).path(of: .node("n1"))
                == "/api/v1/nodes?fieldSelector=metadata.name%3Dn1&watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                + "&allowWatchBookmarks=true&timeoutSeconds=300")
        #expect(
            ReflectorRequest.watch(resourceVersion: "41", seconds: 599).path(of: .node("n1"))
                == "/api/v1/nodes?fieldSelector=metadata.name%3Dn1&watch=1&resourceVersion=41&allowWatchBookmarks=true&timeoutSeconds=599")
    }
}
