import Testing

@testable import LinuxKernel

@Suite struct RulesAtChoiceTests {
    private let chosen = ContinuousClock.now

    private func seen() -> RulesAtChoice {
        var rules = RulesAtChoice()
        rules.note(at: chosen)
        return rules
    }

    @Test(arguments: [(0, true), (29_999, true), (30_000, false), (3_600_000, false)])
    func theyStandForALookThatIsNotLate(milliseconds: Int, canStand: Bool) {
        var rules = seen()
        #expect(rules.take(at: chosen + .milliseconds(milliseconds)) == canStand)
        #expect(rules.take(at: chosen) == false, "the next looks for itself")
    }

    @Test func nothingStandsForALookWithoutAChoiceOrAfterAChange() {
        var rules = RulesAtChoice()
        #expect(rules.take(at: chosen) == false)
        rules = seen()
        rules.forget()
        #expect(rules.take(at: chosen) == false)
    }
}
