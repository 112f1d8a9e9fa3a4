import Addresses
import HealthModel
import TestSupport
import Testing

@testable import HealthChecks

@Suite struct RiseAndFallTests {
    @Test("an answer decides as soon as there were enough of its kind in a row", arguments: UInt64(1)...40)
    func followsTheRule(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (rise, fall) = (Int.random(in: 1...5, using: &random), Int.random(in: 1...5, using: &random))
        var judgement = RiseAndFall(rise: rise, fall: fall)
        var answers: [Bool] = []
        var expected = RiseAndFall.State.unknown
        for _ in 0..<300 {
            // Runs, since answers by the toss of a coin would hardly ever be five in a row.
            let isGood = Int.random(in: 0..<4, using: &random) == 0 ? !(answers.last ?? true) : answers.last ?? false
            answers.append(isGood)
            let before = expected
            // The rule, looked up in the whole history.
            if answers.count >= rise, answers.suffix(rise).allSatisfy({ $0 }) { expected = .up }
            if answers.count >= fall, answers.suffix(fall).allSatisfy({ !$0 }) { expected = .down }
            let outcome1 = judgement.take(isGood: isGood)
            #expect(outcome1 == (before != expected))
            #expect(judgement.state == expected)
            let contradicts = expected == .up ? !isGood : isGood
            #expect(judgement.isChanging == (expected == .unknown || contradicts))
        }
    }

    @Test func numbersBelowOneCountAsOne() {
        var judgement = RiseAndFall(rise: 0, fall: -3)
        let outcome2 = judgement.take(isGood: false)
        #expect(outcome2)
        #expect(judgement.state == .down)
        let outcome3 = judgement.take(isGood: true)
        #expect(outcome3)
        #expect(judgement.state == .up)
    }
}

@Suite struct TimerHeapTests {
    @Test("the earliest comes first, whatever was set, moved and removed", arguments: UInt64(1)...30)
    func isAHeap(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var heap = TimerHeap()
        var model: [Int: Moment] = [:]
        for _ in 0..<600 {
            let slot = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0...2:
                let due = Moment.random(in: 0..<50, using: &random)
                heap.set(slot, due: due)
                model[slot] = due
            case 3:
                heap.remove(slot)
                model[slot] = nil
            default:
                let now = Moment.random(in: 0..<50, using: &random)
                let earliest = model.values.min().flatMap { $0 <= now ? $0 : nil }
                let popped = heap.popDue(at: now)
                #expect(popped?.due == earliest)
                if let popped {
                    #expect(model[popped.slot] == popped.due)
                    model[popped.slot] = nil
                }
            }
            #expect(heap.count == model.count)
            #expect(heap.first?.due == model.values.min())
            #expect(heap[slot] == model[slot])
        }
    }
}

@Suite struct ProbeScheduleTests {
    private let second: Moment = 1_000_000_000

    private func timing(_ interval: Duration, fast: Duration? = nil) -> ProbeTiming {
        var timing = ProbeTiming()
        timing.interval = interval
        timing.fastInterval = fast
        return timing
    }

    @Test func intervalsRunFromStartToStartHoweverLateTheyAre() {
        var schedule = ProbeSchedule()
        schedule.begin(0, timing(.seconds(1)), now: 100, chance: 0.5)
        #expect(schedule.next == 100 + second / 2)
        let outcome4 = schedule.take(now: 100)
        #expect(outcome4 == nil)
        for number in 0..<20 {
            let due = 100 + second / 2 + Moment(number) * second
            // Late by up to a third of the interval.
            let taken = schedule.take(now: due + Moment(number % 3) * second / 10)
            #expect(taken?.due == due)
            #expect(schedule.next == due + second)
        }
    }

    @Test func whatWasSleptThroughIsLeftOutAndThePhaseStays() {
        var schedule = ProbeSchedule()
        schedule.begin(0, timing(.seconds(1)), now: 0, chance: 0.25)
        let phase = second / 4
        let outcome5 = schedule.take(now: 10 * second)
        #expect(outcome5?.due == phase)
        let outcome6 = schedule.take(now: 10 * second)
        #expect(outcome6 == nil)
        #expect(schedule.next == 10 * second + phase)
    }

    @Test func onlyTheFirstStartIsAtRandomAndLiesWithinTheInterval() {
        var random = SeededGenerator(seed: 7)
        var schedule = ProbeSchedule()
        for slot in 0..<10_000 {
            schedule.begin(slot, timing(.seconds(10)), now: 0, chance: Double.random(in: 0..<1, using: &random))
        }
        // In each tenth of the interval about a tenth of them: 1000, and by the binomial distribution hardly ever 200 more or less.
        var counts = [Int](repeating: 0, count: 10)
        for tenth in 1...10 {
            while schedule.take(now: Moment(tenth) * second - 1) != nil { counts[tenth - 1] += 1 }
        }
        #expect(counts.reduce(0, +) == 10_000)
        #expect(counts.allSatisfy { (800...1200).contains($0) })
    }

    @Test func aStateThatChangesIsAskedSoonerAndThenAtTheIntervalAgain() {
        var schedule = ProbeSchedule()
        schedule.begin(0, timing(.seconds(5), fast: .seconds(1)), now: 0, chance: 0)
        let outcome7 = schedule.take(now: 0)
        #expect(outcome7?.due == 0)
        schedule.hasten(0, now: second / 10)
        #expect(schedule.next == second)
        let outcome8 = schedule.take(now: second)
        #expect(outcome8?.due == second)
        #expect(schedule.next == 6 * second)
        // An answer that came later than the fast interval: at once, but not in the past.
        schedule.hasten(0, now: 3 * second)
        #expect(schedule.next == 3 * second)
        schedule.end(0)
        #expect(schedule.next == nil)
        schedule.hasten(0, now: 3 * second)
        #expect(schedule.next == nil)
    }

    @Test func aFastIntervalIsNeverSlower() {
        var schedule = ProbeSchedule()
        schedule.begin(0, timing(.seconds(2), fast: .seconds(9)), now: 0, chance: 0)
        _ = schedule.take(now: 0)
        schedule.hasten(0, now: 0)
        #expect(schedule.next == 2 * second)
    }

    @Test func intervalsOfNothingAreAMillisecond() {
        var schedule = ProbeSchedule()
        schedule.begin(0, timing(.zero), now: 0, chance: 0)
        let outcome9 = schedule.take(now: 0)
        #expect(outcome9 != nil)
        let outcome10 = schedule.take(now: 0)
        #expect(outcome10 == nil)
        #expect(schedule.next == 1_000_000)
    }
}

@Suite struct ConnectionTableTests {
    private func probe(_ kind: HealthCheck.Kind, every interval: Duration, number: UInt32 = 1) -> Probe {
        var timing = ProbeTiming()
        timing.interval = interval
        return Probe(
            address: IPAddress(ipv4: 0x0a00_0000 + number), port: 80, check: HealthCheck(kind), timing: timing, rise: 1, fall: 1)
    }

    @Test(arguments: [
        (HealthCheck.Kind.tcp, Duration.seconds(5), 24), (.tcp, .milliseconds(7), 17143), (.http(.init()), .seconds(120), 1),
        (.grpc(service: "", tls: nil), .seconds(600), 1), (.udp(payload: [], reply: nil), .seconds(5), 6), (.icmp, .seconds(10), 3),
        (.dns(name: "a", type: .a), .seconds(7), 5), (.command(["/bin/true"]), .seconds(1), 0),
    ])
    func aProbeHoldsItsTimeOverItsInterval(kind: HealthCheck.Kind, interval: Duration, entries: Int) {
        #expect(ConnectionTable(maximum: 131_072).entries(of: probe(kind, every: interval)) == entries)
    }

    @Test func moreThanAQuarterOfTheTableIsRefusedWithTheArithmetic() throws {
        let table = ConnectionTable(maximum: 131_072)
        // 10,000 a second would keep 1.2 million; 273 a second keep 32,760 of the 32,768.
        var limits = ProbeLimits(descriptors: 100_000)
        limits.connections = table
        var admission = ProbeAdmission(limits)
        for number in 1...273 {
            let refusal = admission.admit(probe(.tcp, every: .seconds(1), number: UInt32(number)))
            #expect(refusal == nil)
        }
        #expect(admission.entries == 32_760)
        let outcome11 = admission.admit(probe(.tcp, every: .seconds(1), number: 274))
        let refusal = try #require(outcome11)
        for part in [
            "120 entries", "TIME_WAIT lasts 120 s", "32760 are kept", "32768, a quarter of", "nf_conntrack_max = 131072", "131520",
        ] {
            #expect(refusal.contains(part), "\(refusal) lacks \(part)")
        }
        // What holds nothing is not refused for it, and room comes back.
        let outcome12 = admission.admit(probe(.command(["/bin/true"]), every: .seconds(1)))
        #expect(outcome12 == nil)
        admission.release(probe(.tcp, every: .seconds(1)))
        let outcome13 = admission.admit(probe(.tcp, every: .seconds(1), number: 274))
        #expect(outcome13 == nil)
    }

    @Test func descriptorsAndProcessesAreLimitedToo() {
        var admission = ProbeAdmission(ProbeLimits(descriptors: 3, commands: 1))
        let outcome14 = admission.admit(probe(.command(["/bin/true"]), every: .seconds(1)))
        #expect(outcome14 == nil)
        let outcome15 = admission.admit(probe(.command(["/bin/false"]), every: .seconds(1)))
        #expect(outcome15?.contains("as may run at once") == true)
        let outcome16 = admission.admit(probe(.icmp, every: .seconds(1)))
        #expect(outcome16 == nil)
        let outcome17 = admission.admit(probe(.tcp, every: .seconds(1)))
        #expect(outcome17 == nil)
        let outcome18 = admission.admit(probe(.tcp, every: .seconds(2)))
        #expect(outcome18?.contains("file descriptors") == true)
        for kind in [HealthCheck.Kind.command(["/bin/true"]), .icmp, .tcp] { admission.release(probe(kind, every: .seconds(1))) }
        #expect(admission.probes == 0 && admission.commands == 0 && admission.entries == 0)
    }
}

@Suite struct ICMPEchoTests {
    @Test func theChecksumIsRFC1071s() {
        // The example of RFC 1071, section 3.
        #expect(ICMPEcho.checksum([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]) == ~0xddf2)
        #expect(ICMPEcho.checksum([]) == 0xffff)
    }

    @Test func aReplyRepeatsTheRequest() {
        let request = ICMPEcho.request(isIPv6: false, id: 77, sequence: 3, payload: Array(1...16))
        var reply = request
        reply[0] = 0
        #expect(ICMPEcho.isReply(reply, to: request, isIPv6: false, isRaw: false))
        // A ping socket has its identifier from the kernel.
        reply[4] ^= 1
        #expect(ICMPEcho.isReply(reply, to: request, isIPv6: false, isRaw: false))
        let header: [UInt8] = [0x46] + [UInt8](repeating: 0, count: 23)
        #expect(!ICMPEcho.isReply(header + reply, to: request, isIPv6: false, isRaw: true))
        reply[4] ^= 1
        #expect(ICMPEcho.isReply(header + reply, to: request, isIPv6: false, isRaw: true))
        // Our own request, which a raw socket on loopback sees as well; a cut one; another sequence; no IP header.
        #expect(!ICMPEcho.isReply(header + request, to: request, isIPv6: false, isRaw: true))
        #expect(!ICMPEcho.isReply(header + reply.dropLast(), to: request, isIPv6: false, isRaw: true))
        #expect(!ICMPEcho.isReply(Array(reply.prefix(6)) + [0, 4] + reply[8...], to: request, isIPv6: false, isRaw: false))
        #expect(!ICMPEcho.isReply(reply, to: request, isIPv6: false, isRaw: true))
        #expect(!ICMPEcho.isReply([], to: request, isIPv6: false, isRaw: true))
        #expect(!ICMPEcho.isReply([0x41], to: request, isIPv6: false, isRaw: true))
    }

    @Test(arguments: UInt64(1)...50) func anyBytesMayCome(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let request = ICMPEcho.request(isIPv6: false, id: 1, sequence: 2, payload: random.bytes(16))
        for isRaw in [true, false] {
            _ = ICMPEcho.isReply(random.bytes(Int.random(in: 0...64, using: &random)), to: request, isIPv6: false, isRaw: isRaw)
        }
    }
}

@Suite struct NodeRoutesTests {
    @Test func aRouteOffTheNodeIsSeenInWhatTheKernelPrints() {
        let header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        #expect(!NodeRoutes.hasIPv4Route(""))
        #expect(!NodeRoutes.hasIPv4Route(header))
        #expect(NodeRoutes.hasIPv4Route(header + "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"))
        // On loopback; one that refuses; one that is down.
        #expect(!NodeRoutes.hasIPv4Route(header + "lo\t0000007F\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"))
        #expect(!NodeRoutes.hasIPv4Route(header + "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"))
        #expect(!NodeRoutes.hasIPv4Route(header + "eth0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"))
        #expect(!NodeRoutes.hasIPv4Route(header + "garbage\n\n\t\n"))
    }

    @Test func linkLocalRoutesLeadNowhere() {
        func line(_ destination: String, _ flags: String, _ link: String) -> String {
            let zero = String(repeating: "0", count: 32)
            return "\(destination) 40 \(zero) 00 \(zero) 00000100 00000001 00000000 \(flags) \(link)\n"
        }
        let zero = String(repeating: "0", count: 32)
        #expect(NodeRoutes.hasIPv6Route(line(zero, "00000003", "eth0")))
        #expect(!NodeRoutes.hasIPv6Route(line("fe800000" + zero.dropLast(8), "00000001", "eth0")))
        #expect(!NodeRoutes.hasIPv6Route(line("ff000000" + zero.dropLast(8), "00000001", "eth0")))
        #expect(!NodeRoutes.hasIPv6Route(line(zero, "00200200", "lo")))
        #expect(!NodeRoutes.hasIPv6Route("\n a b c"))
    }
}
