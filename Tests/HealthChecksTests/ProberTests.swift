import Addresses
import HealthModel
import Testing

@testable import HealthChecks

@Suite struct ProberTests {
    /// Where no timeout is given, one that no busy machine reaches.
    private func probe(
        _ port: UInt16, _ address: UInt32 = 0x7f00_0001, every interval: Duration = .milliseconds(100), timeout: Duration = .seconds(60)
    ) -> Probe {
        var timing = ProbeTiming()
        timing.interval = interval
        timing.timeout = timeout
        return Probe(address: IPAddress(ipv4: address), port: port, check: HealthCheck(.tcp), timing: timing, rise: 2, fall: 2)
    }

    /// Runs a prober while something is done with it, and sees that it ends.
    private func with(_ prober: Prober, _ body: () async throws -> Void) async throws {
        let running = Task { await prober.run() }
        do { try await body() } catch {
            running.cancel()
            throw error
        }
        running.cancel()
        await running.value
        for await _ in prober.news {}
    }

    private func next(_ prober: Prober) async -> ProbeNews? {
        for await news in prober.news { return news }
        return nil
    }

    @Test(arguments: [1, 2]) func aBackendThatDiesIsDownAndOneThatComesBackIsUp(loops: Int) async throws {
        let backend = try await Backend(.silent)
        let mine = probe(backend.port)
        let prober = Prober(limits: ProbeLimits(descriptors: 100), loops: loops)
        try await with(prober) {
            prober.change(begin: [mine], end: [])
            #expect(await next(prober)?.verdict == .up)
            try await backend.close()
            let down = await next(prober)
            #expect(down?.verdict == .down("connection refused"))
            #expect(down?.probe == mine)
            let figures = await prober.figures()
            #expect(figures.probes == 1 && figures.begun >= 4 && figures.good >= 2 && figures.bad >= 2)
        }
    }

    @Test func whatCannotBeBorneIsRefusedAndTakenOnWhenThereIsRoom() async throws {
        let backend = try await Backend(.silent, host: "0.0.0.0")
        let prober = Prober(limits: ProbeLimits(descriptors: 2))
        try await with(prober) {
            let probes = (1...4).map { probe(backend.port, 0x7f00_0000 + UInt32($0)) }
            prober.change(begin: probes, end: [])
            var refused: [Probe] = []
            var up: Set<Probe> = []
            while up.count < 1 || refused.count < 2, let next = await next(prober) {
                if let hindrance = next.hindrance {
                    #expect(hindrance.hasPrefix("not probed: 2 probes are as many as"))
                    refused.append(next.probe)
                } else if next.verdict == .up {
                    up.insert(next.probe)
                }
            }
            #expect(refused == Array(probes[2...]))
            // The third is not wanted any more; the fourth gets the first's place.
            prober.change(begin: [], end: [probes[0], probes[2]])
            while let next = await next(prober) {
                #expect(next.probe != probes[2])
                if next.probe == probes[3], next.verdict == .up { break }
            }
            #expect(await prober.figures().probes == 2)
        }
        try await backend.close()
    }

    @Test func slowBackendsDelayNobody() async throws {
        let silent = try await Backend(.silent)
        let good = try await Backend(.answer([Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)]))
        let prober = Prober(limits: ProbeLimits(descriptors: 1000))
        func http(_ port: UInt16, _ address: UInt32, every interval: Duration) -> Probe {
            var probe = probe(port, address, every: interval, timeout: interval)
            probe.check = HealthCheck(.http(.init()))
            return probe
        }
        try await with(prober) {
            let slow = (0..<200).map { http(silent.port, 0x7f00_0001, every: .milliseconds(1000 + $0)) }
            let quick = (0..<50).map { http(good.port, 0x7f00_0001, every: .milliseconds(1000 + $0)) }
            prober.change(begin: slow + quick, end: [])
            var up: Set<Probe> = []
            var down: Set<Probe> = []
            while up.count < quick.count || down.count < slow.count, let next = await next(prober) {
                switch next.verdict {
                case .up: up.insert(next.probe)
                case .down(let reason):
                    down.insert(next.probe)
                    #expect(reason.hasPrefix("waited"))
                case .unknown: break
                }
            }
            // On a machine that is busy enough, some of the quick ones may be down for a while.
            #expect(up == Set(quick) && down.isSuperset(of: slow))
            let figures = await prober.figures()
            // One after the other, the time-outs alone would have taken 200 s.
            #expect(figures.latest < .seconds(100))
        }
        try await silent.close()
        try await good.close()
    }
}
