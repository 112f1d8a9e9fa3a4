import Agent
import Logging
import NodeKernel
import Testing

struct CostReportTests {
    @Test(arguments: [
        (Duration.zero, "0.000"), (.microseconds(7), "0.007"), (.microseconds(1_042), "1.042"), (.milliseconds(1_500), "1500.000"),
        (.seconds(61) + .microseconds(90), "61000.090"), (.nanoseconds(999), "0.000"),
    ])
    func millisecondsHaveThreeDecimals(duration: Duration, text: String) {
        #expect(Logger.MetadataValue.milliseconds(duration) == .string(text))
    }

    @Test func aCostIsToldBySubsystemAndLeavesOutWhatWasNotWritten() {
        var cost = KernelCost()
        cost.spend(.milliseconds(2), on: .ipvs)
        cost.spend(.microseconds(500), on: .ipvs)
        (cost.messages, cost.sends) = (3, 1)
        #expect(cost.fields == ["ipvs-ms": "2.500", "messages": "3", "sends": "1", "processes": "0"])
    }
}
