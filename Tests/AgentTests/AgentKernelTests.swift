import Addresses
import Agent
import FakeKernel
import Foundation
import IPVSModel
import LinuxKernel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

/// The agent on a real kernel: what it leads to, and what a change costs there.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"))
struct AgentKernelTests {
    private static var settings: CompilerSettings {
        var settings = CompilerSettings()
        settings.managesSysctls = false
        return settings
    }

    private func reconciler(_ kernel: any NodeKernel, log: TestLog? = nil) -> Reconciler {
        Reconciler(
            kernel: kernel, compiler: ServiceCompiler(settings: Self.settings, node: NodeFacts(name: "n1")), journal: MemoryJournal(),
            logger: log?.logger ?? quiet)
    }

    private func withKernel(_ body: (LinuxKernel) async throws -> Void) async rethrows {
        let kernel = LinuxKernel(linkName: "kube-ipvs0")
        #expect(await reconciler(kernel).cleanup().failures == [])
        try await body(kernel)
        #expect(await reconciler(kernel).cleanup().failures == [])
    }

    /// One endpoint is replaced: an addition and a removal for IPVS, in one send, and nothing else.
    @Test(arguments: [10, 10_000])
    func aChangedEndpointCostsTheSame(services: Int) async {
        await withKernel { kernel in
            let agent = reconciler(kernel)
            let objects = (0..<services).flatMap { [service($0), slice($0, endpoints: [1, 3, 5, 7, 9])] }
            let first = await agent.take(SourceUpdate(changed: objects))
            #expect(first.succeeded)
            _ = await kernel.takeCost()
            let (traffic, processes, compilations) = (await kernel.ipvsTraffic, await kernel.ruleProcesses, agent.compilations)
            let round = await agent.take(SourceUpdate(changed: [slice(4, endpoints: [1, 3, 5, 7, 11])]))
            #expect(round.succeeded && round.plan.operations.count == 2)
            let after = await kernel.ipvsTraffic
            #expect(after.messages - traffic.messages == 2)
            #expect(after.sends - traffic.sends == 1)
            #expect(await kernel.ruleProcesses == processes)
            let cost = await kernel.takeCost()
            #expect((cost.messages, cost.sends, cost.processes) == (2, 1, 0))
            #expect(Set(cost.durations.keys) == [.ipvs])
            #expect(await kernel.takeCost() == KernelCost())
            #expect(agent.compilations - compilations == 1)
        }
    }

    @Test func randomChangesLeadWhereACompileFromScratchLeads() async {
        await withKernel { kernel in
            var random = SeededGenerator(seed: 31)
            let agent = reconciler(kernel)
            var objects: [SourceObject.Key: SourceObject] = [:]
            for _ in 0..<60 {
                let object = randomObject(&random)
                let isRemoval = Int.random(in: 0..<4, using: &random) == 0
                objects[object.key] = isRemoval ? nil : object
                let update = isRemoval ? SourceUpdate(removed: [object.key]) : SourceUpdate(changed: [object])
                #expect(await agent.take(update).failures == [])
            }
            let fake = FakeKernel()
            _ = await reconciler(fake).take(SourceUpdate(changed: Array(objects.values)))
            let seen = await kernel.observe(.everything).state
            #expect(seen.virtualServers == fake.state.virtualServers)
            #expect(seen.addresses == fake.state.addresses)
            #expect(seen.sets.mapValues(\.entries) == fake.state.sets.mapValues(\.entries))
        }
    }

    /// Some kernels (6.1 is one) leave out of the text of real servers what stands, where another network namespace has virtual servers too:
    /// see `IPVSTableReader`.
    @Test func anotherNamespaceWithVirtualServersMakesNoDrift() async throws {
        try await withKernel { kernel in
            try Self.run("ip", "netns", "add", Self.otherNamespace)
            defer {
                // The namespace itself goes later, and until then its virtual servers would be in the way of others' tests.
                try? Self.run("ip", "netns", "exec", Self.otherNamespace, "ipvsadm", "-C")
                try? Self.run("ip", "netns", "delete", Self.otherNamespace)
            }
            // Without it no address of the namespace is unicast, and real servers are refused.
            try Self.run("ip", "-n", Self.otherNamespace, "link", "set", "lo", "up")
            let lines = (0..<300).flatMap { number in
                let server = "10.97.\(number / 250).\(number % 250):80"
                return ["-A -t \(server) -s rr"] + (1...2).map { "-a -t \(server) -r 10.250.0.\($0):80 -m" }
            }
            let rules = FileManager.default.temporaryDirectory.appending(path: "\(Self.otherNamespace).rules")
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: rules)
            defer { try? FileManager.default.removeItem(at: rules) }
            try Self.run("sh", "-c", "ip netns exec \(Self.otherNamespace) ipvsadm -R < \(rules.path)")

            let (log, fake) = (TestLog(), FakeKernel())
            let agent = reconciler(kernel, log: log)
            let objects = (0..<300).flatMap { [service($0), slice($0, endpoints: $0.isMultiple(of: 10) ? [] : [$0 + 1, $0 + 2])] }
            #expect(await agent.take(SourceUpdate(changed: objects)).succeeded)
            _ = await reconciler(fake).take(SourceUpdate(changed: objects))
            let right = fake.state.virtualServers
            #expect(right.count == 300)
            #expect(await kernel.observe(.virtualServers).state.virtualServers == right, "the first look")

            var shown: Set<VirtualServer.Key> = []
            await kernel.beginSweep()
            while let sightings = await kernel.nextSightings() {
                for case .realServers(let seen) in sightings {
                    shown.formUnion(seen.keys)
                    for (key, servers) in seen { #expect(servers == right[key]?.realServers, "\(key)") }
                }
            }
            // By kernel, some or none are left out.
            #expect(shown.isSubset(of: right.keys))

            let sent = await kernel.ipvsTraffic.messages
            await sweep(agent, kernel)
            #expect(log.drifts == [])
            // Looked at exactly: two questions each at least.
            #expect(await kernel.ipvsTraffic.messages - sent >= 2 * (right.count - shown.count))

            // What another program does to all of them is found by one sweep, whatever the text shows.
            let real = RealServer(.init(ip("10.250.9.9"), port: 9), .init())
            #expect(await kernel.apply(right.keys.map { .addRealServer(real, to: $0) }) == [])
            await sweep(agent, kernel)
            #expect(!log.drifts.isEmpty)
            #expect(try await kernel.observe(virtualServers: Array(right.keys)) == right)
        }
    }

    private static let otherNamespace = "ipvs-agent-test-other"

    private func sweep(_ agent: Reconciler, _ kernel: LinuxKernel) async {
        agent.beginSweep()
        repeat {
            _ = await agent.work()
            while let look = agent.nextRuleLook() { _ = await agent.take(await kernel.observe(.rules), of: look) }
        } while agent.hasWork
    }

    private static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(words)")
    }
}
