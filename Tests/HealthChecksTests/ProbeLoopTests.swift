import Addresses
import HealthModel
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import HealthChecks

/// Probes whose answers and time the test sets.
private final class Stage {
    final class Check: RunningCheck {
        var report: ((CheckOutcome) -> Void)?
        var hasEnded = false
        var silence: CheckOutcome { .bad("silent") }

        func end() {
            hasEnded = true
            report = nil
        }
    }

    final class FakeChecker: Checker {
        var begun: [Check] = []
        var times: [NIODeadline] = []
        /// What it answers at once; nil where the test answers.
        var answer: CheckOutcome?
        let loop: EmbeddedEventLoop

        init(_ loop: EmbeddedEventLoop) { self.loop = loop }

        func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
            let check = Check()
            begun.append(check)
            times.append(loop.now)
            if let answer { report(answer) } else { check.report = report }
            return check
        }
    }

    let loop = EmbeddedEventLoop()
    var checkers: [Probe: FakeChecker] = [:]
    var news: [ProbeNews] = []
    private(set) lazy var probes = ProbeLoop(loop: loop) { [unowned self] probe throws(CheckerProblem) in
        if probe.port == 1 { throw CheckerProblem("cannot be asked") }
        let checker = FakeChecker(loop)
        checkers[probe] = checker
        return checker
    } tell: { [unowned self] in
        news.append($0)
    }

    func probe(
        _ number: UInt16, every interval: Duration = .seconds(10), fast: Duration? = nil, timeout: Duration = .seconds(2), rise: Int = 2,
        fall: Int = 3
    ) -> Probe {
        var timing = ProbeTiming()
        timing.interval = interval
        timing.fastInterval = fast
        timing.timeout = timeout
        return Probe(
            address: IPAddress(ipv4: 0x0a00_0001), port: number, check: HealthCheck(.tcp), timing: timing, rise: rise, fall: fall)
    }

    func pass(_ time: TimeAmount) { loop.advanceTime(by: time) }
}

@Suite struct ProbeLoopTests {
    @Test func verdictsComeAfterRiseAndFallAndAreToldOnce() throws {
        let stage = Stage()
        let probe = stage.probe(80)
        stage.probes.begin(probe)
        let checker = try #require(stage.checkers[probe])
        checker.answer = .good
        stage.pass(.seconds(30))
        #expect(stage.news.map(\.verdict) == [.up])
        checker.answer = .bad("refused")
        stage.pass(.seconds(20))
        #expect(stage.news.count == 1)
        checker.answer = .good
        stage.pass(.seconds(10))
        checker.answer = .bad("refused")
        stage.pass(.seconds(30))
        #expect(stage.news.map(\.verdict) == [.up, .down("refused")])
        #expect(stage.news.allSatisfy { $0.probe == probe && $0.hindrance == nil })
    }

    @Test func startsAreAnIntervalApartWhateverTheAnswersTake() throws {
        let stage = Stage()
        let probe = stage.probe(80, fast: nil)
        stage.probes.begin(probe)
        let checker = try #require(stage.checkers[probe])
        stage.pass(.seconds(10))
        for _ in 0..<5 {
            checker.begun.last?.report?(.good)
            stage.pass(.seconds(10))
        }
        for (earlier, later) in zip(checker.times, checker.times.dropFirst()) { #expect(later - earlier == .seconds(10)) }
    }

    @Test func silenceIsAnAnswerAtTheTimeOutAndTheCheckIsEnded() throws {
        let stage = Stage()
        let probe = stage.probe(80, every: .seconds(4), timeout: .seconds(2), fall: 1)
        stage.probes.begin(probe)
        let checker = try #require(stage.checkers[probe])
        while checker.begun.isEmpty { stage.pass(.milliseconds(10)) }
        stage.pass(.milliseconds(1950))
        #expect(stage.news.isEmpty && !checker.begun[0].hasEnded)
        stage.pass(.milliseconds(100))
        #expect(stage.news.map(\.verdict) == [.down("silent")])
        #expect(checker.begun[0].hasEnded)
    }

    @Test func aConnectionThatStillClosesIsEndedAtTheTimeOut() throws {
        let stage = Stage()
        let probe = stage.probe(80)
        stage.probes.begin(probe)
        let checker = try #require(stage.checkers[probe])
        checker.answer = .good
        while checker.begun.isEmpty { stage.pass(.milliseconds(10)) }
        #expect(!checker.begun[0].hasEnded)
        stage.pass(.seconds(3))
        #expect(checker.begun[0].hasEnded)
    }

    @Test func hindrancesAreNoVerdictAndAreToldWhenTheyComeAndGo() throws {
        let stage = Stage()
        let probe = stage.probe(80, rise: 1, fall: 1)
        stage.probes.begin(probe)
        let checker = try #require(stage.checkers[probe])
        checker.answer = .good
        stage.pass(.seconds(10))
        checker.answer = .hindered("no file descriptors are left")
        stage.pass(.seconds(100))
        checker.answer = .good
        stage.pass(.seconds(10))
        #expect(stage.news.map(\.verdict) == [.up, .up, .up])
        #expect(stage.news.map(\.hindrance) == [nil, "no file descriptors are left", nil])
    }

    @Test func aChangingStateIsAskedFaster() throws {
        let stage = Stage()
        let probe = stage.probe(80, every: .seconds(10), fast: .seconds(1), timeout: .seconds(1), rise: 2, fall: 3)
        stage.probes.begin(probe)
        let checker = try #require(stage.checkers[probe])
        checker.answer = .good
        stage.pass(.seconds(50))
        // Unknown: the first two are a second apart; then every ten.
        #expect(checker.times[1] - checker.times[0] == .seconds(1))
        #expect(checker.times[2] - checker.times[1] == .seconds(10))
        let before = checker.times.count
        checker.answer = .bad("x")
        stage.pass(.seconds(13))
        // The first bad one came within ten, the two others a second after each.
        let times = checker.times[before...]
        #expect(times.count >= 3)
        #expect(times[before + 2] - times[before] == .seconds(2))
        #expect(stage.news.last?.verdict == .down("x"))
    }

    @Test func whatEndedTellsNothingMoreAndBeginsAnewFromUnknown() throws {
        let stage = Stage()
        let probe = stage.probe(80, rise: 1, fall: 1)
        stage.probes.begin(probe)
        // A second beginning does not disturb it.
        let checker = try #require(stage.checkers[probe])
        stage.probes.begin(probe)
        #expect(stage.checkers[probe] === checker)
        while checker.begun.isEmpty { stage.pass(.milliseconds(10)) }
        let late = try #require(checker.begun.first)
        let report = late.report
        stage.probes.end(probe)
        #expect(late.hasEnded)
        report?(.good)
        stage.pass(.seconds(100))
        #expect(stage.news.isEmpty)
        #expect(stage.probes.takeFigures().underWay == 0)
        stage.probes.begin(probe)
        #expect(stage.checkers[probe] !== checker)
        report?(.good)
        #expect(stage.news.isEmpty)
        stage.checkers[probe]?.answer = .bad("x")
        stage.pass(.seconds(10))
        #expect(stage.news.map(\.verdict) == [.down("x")])
    }

    @Test func aProbeThatCannotBeMadeIsSaid() {
        let stage = Stage()
        stage.probes.begin(stage.probe(1))
        #expect(stage.news.map(\.hindrance) == ["cannot be asked"])
        stage.probes.end(stage.probe(1))
    }

    @Test("with probes coming and going, each has one check at most and what is told follows its answers", arguments: UInt64(1)...15)
    func manyAtRandom(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let stage = Stage()
        var begun: Set<Probe> = []
        for _ in 0..<400 {
            let probe = stage.probe(UInt16.random(in: 2...20, using: &random), every: .seconds(4), fast: .seconds(1), timeout: .seconds(1))
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                stage.probes.begin(probe)
                begun.insert(probe)
            case 1:
                stage.probes.end(probe)
                begun.remove(probe)
                stage.news.removeAll { $0.probe == probe }
            case 2...3:
                if let check = stage.checkers[probe]?.begun.last {
                    check.report?(Bool.random(using: &random) ? .good : .bad("x"))
                    check.report = nil
                }
            default: stage.pass(.milliseconds(Int64.random(in: 1...1500, using: &random)))
            }
            for probe in begun { #expect((stage.checkers[probe]?.begun.filter { !$0.hasEnded }.count ?? 0) <= 1) }
            #expect(stage.probes.takeFigures().probes == begun.count)
        }
        for probe in begun { stage.probes.end(probe) }
        #expect(stage.probes.takeFigures().underWay == 0)
        for check in stage.checkers.values.flatMap(\.begun) { #expect(check.hasEnded) }
        for news in Dictionary(grouping: stage.news, by: \.probe).values {
            for (earlier, later) in zip(news, news.dropFirst()) { #expect(earlier.verdict != later.verdict) }
        }
    }
}
