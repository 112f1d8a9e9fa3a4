import Agent
import ArgumentParser
import CommandSupport
import IPVSModel
import Logging
import NodeKernel
import NodeModel
import Planner
import ServiceModel
import Settings
import Testing

@testable import AgentCommands

@Suite struct SettingsOptionsTests {
    @Test func everySettingIsAFlag() throws {
        for definition in SettingDefinition.all {
            let options = try SettingsOptions.parse([definition.flag, "x"])
            #expect(options.flags == [definition.name: "x"], "\(definition.name)")
        }
    }

    @Test func truthNeedsNoValue() {
        #expect(BooleanFlags.spelledOut(["run", "--masquerade-all", "--once"]) == ["run", "--masquerade-all=true", "--once"])
        #expect(BooleanFlags.spelledOut(["--masquerade-all", "false"]) == ["--masquerade-all", "false"])
        #expect(
            BooleanFlags.spelledOut(["--masquerade-all=false", "--ipvs-strict-arp"]) == [
                "--masquerade-all=false", "--ipvs-strict-arp=true",
            ])
    }
}

@Suite struct RoundStatusTests {
    private func status(_ change: (inout Reconciler.Round) -> Void, problems: [SourceProblem] = []) -> ExitCode? {
        var round = Reconciler.Round()
        change(&round)
        do throws(CommandFailure) {
            try RoundStatus.check(round, problems: problems)
            return nil
        } catch {
            return error.status
        }
    }

    private func failure(_ cause: KernelFailure.Cause) -> OperationFailure {
        OperationFailure(.createLink("kube-ipvs0"), KernelFailure(cause, "no"))
    }

    @Test func statusesAreTheDocumentedOnes() {
        let problem = SourceProblem(place: "a.yaml:1", message: "bad")
        #expect(status { _ in } == nil)
        #expect(status({ _ in }, problems: [problem]) == ExitStatus.invalid)
        #expect(status({ _ in }, problems: [SourceProblem(place: "", message: "", isError: false)]) == nil)
        #expect(status { $0.failures = [failure(.conflict)] } == ExitStatus.failure)
        #expect(status { $0.failures = [failure(.conflict), failure(.missingFeature)] } == ExitStatus.unavailable)
        #expect(status { $0.observationFailures = [KernelFailure(.privilege, "no")] } == ExitStatus.unavailable)
        #expect(status({ $0.failures = [failure(.resource)] }, problems: [problem]) == ExitStatus.failure)
    }
}

@Suite struct PlanTextTests {
    @Test func operationsAreNumbered() {
        #expect(PlanCommand.text(Plan()) == "Nothing to do: the kernel is as it should be.")
        let operations = (0..<10).map { Operation.createLink("l\($0)") }
        let lines = PlanCommand.text(Plan(operations)).split(separator: "\n")
        #expect(lines.first == " 1  create dummy link l0")
        #expect(lines[9] == "10  create dummy link l9")
        #expect(lines.last == "10 operations.")
    }

    @Test func logLinesAreForPeopleOrMachines() {
        #expect(LogOutput.text("12:00", .info, "in force", [("operations", "3")]) == "12:00 info     in force operations=3")
        #expect(
            LogOutput.json("12:00", .error, "a \"b\"\n", [("operations", "3")])
                == #"{"level":"error","message":"a \"b\"\n","operations":"3","time":"12:00"}"#)
    }
}

@Suite struct PrivilegeTests {
    @Test(arguments: [
        ("Name:\tx\nCapEff:\t000001ffffffffff\n", false), ("CapEff:\t0000000000001000\n", false), ("CapEff:\t0000000000000000\n", true),
        ("CapEff:\t000001ffffffefff\nCapBnd:\t000001ffffffffff\n", true), ("CapEff:\tnonsense\n", false), ("", false),
    ])
    func networkAdministrationIsLookedFor(status: String, isMissing: Bool) {
        #expect(Privilege.isMissing(in: status) == isMissing)
    }
}
