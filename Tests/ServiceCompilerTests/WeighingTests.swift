import Addresses
import HealthModel
import IPVSModel
import ServiceCompiler
import TestSupport
import Testing

@Suite struct WeighingTests {
    private typealias Backend = Weighing.Backend

    private static func key(_ number: Int) -> RealServer.Key { RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32(number)), port: 80) }

    /// Backends as a person writes them: `3` for a weight of 3, with `d` where it is down, `D`, `M` or `R` for drain, maintenance or ready by
    /// hand, and `%50` for the share it has come back to.
    private static func backends(_ text: String) -> [RealServer.Key: Backend] {
        var backends: [RealServer.Key: Backend] = [:]
        for (number, word) in text.split(separator: " ").enumerated() {
            var backend = Backend(configured: Int32(word.prefix { $0.isNumber }) ?? 1)
            if word.contains("d") { backend.isDown = true }
            if word.contains("D") { backend.hand = .drain }
            if word.contains("M") { backend.hand = .maintenance }
            if word.contains("R") { backend.hand = .ready }
            if word.contains("~") { backend.isOnTheWay = true }
            if let said = word.split(separator: "=").dropFirst().first { backend.byHand = Int64(said.prefix { $0.isNumber }) }
            if let percent = word.split(separator: "%").dropFirst().first { backend.ramp = Int(percent) ?? 100 }
            backends[key(number)] = backend
        }
        return backends
    }

    /// What follows, as a person reads it: weights, or why there is none, and the mode.
    private static func words(_ outcome: Weighing.Outcome) -> String {
        let shares = outcome.shares.sorted { $0.key < $1.key }.map { _, share in
            switch share {
            case .weight(let weight): "\(weight)"
            case .rest(.hand): "hand"
            case .rest(.down): "down"
            case .rest(.belowQuorum): "quorum"
            }
        }
        return shares.joined(separator: " ") + " " + outcome.mode.rawValue
    }

    @Test(arguments: [
        // What nobody says anything of is as configured.
        ("1 1 3", "1 1 3 healthy"), ("", " healthy"), ("0 2", "0 2 healthy"),
        // Down, and all down, where all are used.
        ("1 1d 1", "1 down 1 healthy"), ("1d 2d 3d", "1 2 3 panic"), ("0 1d", "0 1 panic"),
        // What is drained by hand counts neither as healthy nor as one that could be.
        ("1 1D 1", "1 hand 1 healthy"), ("1D 1M", "hand hand healthy"), ("1D 1d", "hand 1 panic"), ("1Dd 1 1", "hand 1 1 healthy"),
        // Said to be ready it serves whatever probes say.
        ("1Rd 1d", "1 down healthy"), ("1Rd", "1 healthy"),
        // A configured 0 stays 0, however it is.
        ("0d 1", "0 1 healthy"), ("0%50 1", "0 1 healthy"), ("0D 1", "hand 1 healthy"),
        // One that comes back; small weights are scaled so that there are steps.
        ("1%50 1", "50 100 healthy"), ("1%1 1", "1 100 healthy"), ("200%50 200", "100 200 healthy"), ("3%10 2", "30 200 healthy"),
        ("1%50 1d", "50 down healthy"), ("1D%50 1", "hand 1 healthy"), ("1d%50", "1 panic"),
    ])
    func byDefault(text: String, expected: String) {
        #expect(Self.words(Weighing().weigh(Self.backends(text))) == expected)
    }

    /// A weight by hand, in hundredths behind `=` and with `~` while it is on its way, stands in the place of the configured one throughout.
    @Test(arguments: [
        ("1=500 1", "5 1 healthy"), ("0=500 1", "5 1 healthy"), ("5=0 1", "0 1 healthy"), ("1=0 1d", "0 1 panic"),
        // On its way; small weights are scaled so that there are steps, and none is 0 before it is.
        ("1=150~ 1", "150 100 healthy"), ("1=1~ 1", "1 100 healthy"), ("100=15050~ 100", "150 100 healthy"),
        ("1=200%50 1", "100 100 healthy"),
        // Also at a whole number: to have all weights smaller for one step would be to write them all, twice.
        ("1=200~ 1", "200 100 healthy"), ("1=200~ 1 1d", "200 100 down healthy"), ("1D=200~ 1", "hand 1 healthy"),
        // Drains and verdicts beat it; in panic it counts as what is configured does.
        ("1D=500 1", "hand 1 healthy"), ("1d=500 1", "down 1 healthy"), ("1d=500 1d", "5 1 panic"), ("1Rd=300 1", "3 1 healthy"),
    ])
    func weightsByHand(text: String, expected: String) {
        #expect(Self.words(Weighing().weigh(Self.backends(text))) == expected)
    }

    @Test(arguments: [
        (50, "1d 1 1 1", "down 1 1 1 healthy"), (50, "1d 1d 1 1", "down down 1 1 healthy"), (50, "1d 1d 1d 1", "1 1 1 1 panic"),
        (100, "1d 1 1 1", "1 1 1 1 panic"), (100, "1 1", "1 1 healthy"), (34, "1d 1d 1", "1 1 1 panic"),
        (33, "1d 1d 1", "down down 1 healthy"),
        (50, "1D 1d 1", "hand down 1 healthy"),
    ])
    func withAPanicThreshold(threshold: Int, text: String, expected: String) {
        #expect(Self.words(Weighing(panicThreshold: threshold).weigh(Self.backends(text))) == expected)
    }

    @Test(arguments: [
        // Up at 4, down below 2.
        (true, "1 1 1 1", "1 1 1 1 healthy"), (true, "1 1 1d 1d", "1 1 down down healthy"),
        (true, "1 1d 1d 1d", "quorum quorum quorum quorum belowQuorum"),
        (false, "1 1 1 1d", "quorum quorum quorum quorum belowQuorum"), (false, "1 1 1 1", "1 1 1 1 healthy"),
        (false, "4 1d", "4 down healthy"),
        (true, "1d 1D", "quorum hand belowQuorum"), (true, "1%5 1%5", "5 5 healthy"), (true, "", " belowQuorum"),
    ])
    func withAQuorum(had: Bool, text: String, expected: String) {
        let weighing = Weighing(quorum: .init(up: 4, down: 2), hasSorryServer: true)
        #expect(Self.words(weighing.weigh(Self.backends(text), hadQuorum: had)) == expected)
    }

    @Test(arguments: [("1 1d", "1 down healthy"), ("1d 1d", "quorum quorum belowQuorum"), ("", " belowQuorum"), ("1D", "hand belowQuorum")])
    func withASorryServer(text: String, expected: String) {
        #expect(Self.words(Weighing(hasSorryServer: true).weigh(Self.backends(text))) == expected)
    }

    @Test func whateverIsHeldTheRulesHold() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            var backends: [RealServer.Key: Backend] = [:]
            for number in 0..<Int.random(in: 0...6, using: &random) {
                var backend = Backend(configured: [0, 1, 1, 1, 3, 100, .max].randomElement(using: &random) ?? 1)
                backend.isDown = Bool.random(using: &random)
                backend.ramp = Int.random(in: 1...100, using: &random)
                backend.hand = [nil, nil, nil, .ready, .drain, .maintenance].randomElement(using: &random) ?? nil
                backends[Self.key(number)] = backend
            }
            let down = Int.random(in: 0...4, using: &random)
            let weighing = Weighing(
                panicThreshold: Int.random(in: 0...100, using: &random),
                quorum: Bool.random(using: &random) ? .init(up: down + Int.random(in: 0...3, using: &random), down: down) : nil,
                hasSorryServer: Bool.random(using: &random))
            let hadQuorum = Bool.random(using: &random)
            let outcome = weighing.weigh(backends, hadQuorum: hadQuorum)
            #expect(outcome == weighing.weigh(backends, hadQuorum: hadQuorum), "the same says the same")
            #expect(Set(outcome.shares.keys) == Set(backends.keys))
            for (key, backend) in backends {
                let share = outcome.shares[key]
                switch backend.hand {
                case .drain?, .maintenance?: #expect(share == .rest(.hand(backend.hand ?? .drain)), "people outrank everything")
                default:
                    if backend.configured == 0 {
                        #expect(share == .weight(0))
                    } else if case .weight(let weight)? = share {
                        #expect(weight >= 1, "what serves serves at least a little")
                        if outcome.mode == .panic { #expect(weight == backend.configured) }
                        if outcome.mode == .healthy { #expect(!backend.isDown || backend.hand == .ready) }
                    } else {
                        #expect(outcome.mode == .belowQuorum || backend.isDown)
                    }
                }
            }
            // Something serves wherever something could, unless a quorum or a sorry server says otherwise.
            let isUsable = backends.values.contains { $0.configured > 0 && $0.hand?.rests != true }
            let serves = outcome.shares.values.contains { if case .weight(let weight) = $0 { weight > 0 } else { false } }
            if isUsable, weighing.quorum == nil, !weighing.hasSorryServer { #expect(serves) }
            // One more good answer never takes anything away from those that serve, but for the end of panic.
            if outcome.mode == .healthy, let key = backends.first(where: { $0.value.isDown })?.key {
                backends[key]?.isDown = false
                #expect(weighing.weigh(backends, hadQuorum: true).mode == .healthy)
            }
        }
    }
}
