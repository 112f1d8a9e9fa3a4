import NodeKernel
import NodeModel
import Testing

@testable import LinuxKernel

/// The course of a sweep, without a kernel.
@Suite struct SweepTests {
    private static func parts(_ sightings: [Sighting]) -> [String] {
        sightings.map {
            switch $0 {
            case .passed(let scope): "passed \(scope.rawValue)"
            case .hidden(let scope, _): "hidden \(scope.rawValue)"
            default: "other"
            }
        }
    }

    private func code(_ scope: ObservationScope) -> ObservationScope.RawValue { scope.rawValue }

    @Test func scopesArePassedWhenTheirLastPartIs() {
        var sweep = Sweep(passesServers: true)
        var passed: [String] = []
        while sweep.part != nil {
            sweep.pass()
            passed += Self.parts(sweep.takeSightings())
        }
        #expect(passed == [ObservationScope.virtualServers, .sysctls, .link, .sets].map { "passed \($0.rawValue)" })
    }

    @Test func withoutVirtualServersTheTimeoutsAreSeenAndTheirScopeIsNotPassed() {
        var sweep = Sweep(passesServers: false)
        #expect(sweep.part == .timeouts)
        sweep.pass()
        #expect(sweep.part == .sysctls && sweep.takeSightings().isEmpty)
    }

    @Test func whatCannotBeSeenHidesItsScopeAndNoOther() {
        var sweep = Sweep(passesServers: true)
        sweep.pass()
        sweep.hide(KernelFailure(.privilege, "no"))
        #expect(sweep.part == .sysctls)
        sweep.pass()
        sweep.hide(KernelFailure(.other, "no"))
        sweep.hide(KernelFailure(.other, "no"))
        #expect(sweep.part == nil)
        let expected = ["hidden \(code(.virtualServers))", "passed \(code(.sysctls))", "hidden \(code(.link))", "hidden \(code(.sets))"]
        #expect(Self.parts(sweep.takeSightings()) == expected)
        #expect(sweep.count == 0)
    }

    @Test func whatKeepsChangingIsGivenUpAfterAFewLooks() {
        var sweep = Sweep(passesServers: true)
        for _ in 0..<4 { sweep.repeatPart() }
        #expect(sweep.part == .virtualServers)
        sweep.repeatPart()
        #expect(sweep.part == .sysctls)
        // Each part has its own looks.
        sweep.repeatPart()
        #expect(sweep.part == .sysctls)
    }

    @Test func noPartGoesOnForEver() {
        var sweep = Sweep(passesServers: true)
        var steps = 0
        while sweep.part == .virtualServers, steps < 1 << 21 {
            sweep.countStep()
            steps += 1
        }
        #expect(steps == 1 << 20 + 1)
    }
}
