import Agent
import FakeKernel
import Foundation
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Telemetry
import TestSupport
import Testing

/// Kernel settings: limits are only raised, what balancing does not need may fail, and clean-up puts back what was changed.
@Suite struct SysctlTests {
    private let folder = TemporaryFolder("sysctls")
    private var directory: String { folder.path }
    private let kernel = FakeKernel()
    private let limit = "net.netfilter.nf_conntrack_max"

    private func agent(maximum: Int? = 1000, events: EventLog = EventLog()) -> Reconciler {
        var settings = CompilerSettings()
        settings.conntrack.maximum = maximum
        return Reconciler(
            kernel: kernel, compiler: ServiceCompiler(settings: settings, node: NodeFacts(name: "n1")), journal: MemoryJournal(),
            originals: SysctlOriginals(directory: directory), logger: quiet, events: events)
    }

    @Test(arguments: [("999", "1000"), ("1000", "1000"), ("5000", "5000"), ("many", "1000")])
    func aLimitIsOnlyRaised(before: String, after: String) async {
        kernel.state.sysctls[limit] = before
        #expect(await agent().take(SourceUpdate()).succeeded)
        #expect(kernel.state.sysctls[limit] == after)
    }

    @Test func whatBalancingDoesNotNeedMayFail() async {
        let events = EventLog()
        let agent = agent(events: events)
        kernel.state.sysctls[limit] = "10"
        let limit = limit
        kernel.setFault {
            if case .setSysctl(limit, _) = $0 { KernelFailure(.privilege, "set sysctl", remedy: "set it on the host") } else { nil }
        }
        let round = await agent.take(SourceUpdate())
        #expect(round.succeeded && agent.retryDelay == nil)
        #expect(kernel.state.sysctls[limit] == "10")
        let told = events.after(0, limit: 100).filter { $0.about == "sysctl \(limit)" }
        #expect(told.count == 1)
    }

    @Test func whatIsNotOursToChangeIsNoOperation() async {
        let log = TestLog()
        var settings = CompilerSettings()
        settings.conntrack.maximum = 1000
        kernel.state.sysctls[limit] = "10"
        kernel.state.readOnlySysctls = [limit, "net.ipv4.ip_forward"]
        let agent = reconciler(kernel, settings: settings, log: log)
        let operations = await agent.take(SourceUpdate()).plan.operations
        #expect(!operations.contains(.setSysctl(limit, to: "1000")))
        #expect(operations.contains(.setSysctl("net.ipv4.ip_forward", to: "1")), "what is needed is tried, and fails with its reason")
        #expect(log.lines.contains { $0.hasPrefix("\(limit) is 10 and may not be changed from here") })
    }

    @Test func cleanupPutsBackWhatWasChangedAndNobodyChangedSince() async {
        kernel.state.sysctls = [
            "net.ipv4.vs.conntrack": "0", "net.ipv4.ip_forward": "0", "net.ipv4.vs.expire_nodest_conn": "1", limit: "10",
        ]
        let before = kernel.state.sysctls
        _ = await agent().take(SourceUpdate())
        #expect(kernel.state.sysctls["net.ipv4.ip_forward"] == "1")
        // Another start changes another value; the first one counts.
        _ = await agent(maximum: 2000).take(SourceUpdate())
        kernel.state.sysctls["net.ipv4.vs.conntrack"] = "2"
        #expect(await agent().cleanup().succeeded)
        #expect(kernel.state.sysctls["net.ipv4.ip_forward"] == "0")
        #expect(kernel.state.sysctls["net.ipv4.vs.expire_nodest_conn"] == "1")
        #expect(kernel.state.sysctls[limit] == before[limit])
        #expect(kernel.state.sysctls["net.ipv4.vs.conntrack"] == "2", "somebody else's by now")
    }

    @Test func aBrokenFileCountsAsEmpty() async throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data("{".utf8).write(to: URL(filePath: directory + "/sysctls.json"))
        kernel.state.sysctls["net.ipv4.ip_forward"] = "0"
        #expect(await agent().cleanup().succeeded)
        #expect(kernel.state.sysctls["net.ipv4.ip_forward"] == "0")
        _ = await agent().take(SourceUpdate())
        _ = await agent().cleanup()
        #expect(kernel.state.sysctls["net.ipv4.ip_forward"] == "0")
    }

    @Test func preparingSetsTheKernelAndNothingElse() async {
        kernel.state.sysctls["net.ipv4.ip_forward"] = "0"
        let round = await agent().prepare()
        #expect(round.succeeded && !round.plan.isEmpty)
        #expect(kernel.state.sysctls["net.ipv4.ip_forward"] == "1")
        #expect(kernel.state.sets.isEmpty && kernel.state.link == .absent && kernel.state.rules.isEmpty)
    }

    @Test(arguments: [
        (32768, 131_072, 2, 131_072), (32768, 131_072, 8, 262_144), (32768, 0, 1000, 1 << 20), (0, 0, 8, nil), (0, 5, 8, nil),
        (1, 5, 2, 5),
    ])
    func theLimitFollowsTheProcessors(perCore: Int, minimum: Int, cores: Int, maximum: Int?) {
        #expect(ConntrackWishes.maximum(perCore: perCore, minimum: minimum, cores: cores) == maximum)
    }
}
