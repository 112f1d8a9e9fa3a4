import Testing

@testable import Agent

@Suite struct SweepPaceTests {
    private var pace = SweepPace()

    @Test mutating func aPauseIsAsLongAsItsSliceWithinLimits() {
        #expect(pace.afterSlice(took: .milliseconds(3)) == .milliseconds(3))
        #expect(pace.afterSlice(took: .seconds(3)) == .milliseconds(10))
        #expect(pace.afterPause(isUpdateComing: false) == nil)
    }

    @Test mutating func anUpdateThatIsComingIsWaitedForOnceForASlice() {
        for _ in 0..<3 {
            _ = pace.afterSlice(took: .milliseconds(2))
            #expect(pace.afterPause(isUpdateComing: true) == .milliseconds(10))
            #expect(pace.afterPause(isUpdateComing: true) == nil)
        }
    }
}
