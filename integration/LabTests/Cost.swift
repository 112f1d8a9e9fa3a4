import Addresses
import Agent
import Glibc
import IPVSModel
import LinuxKernel
import Logging
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Testing

extension LabTests {
    /// What a change costs on the real kernel, in messages, sends and processes: it must not depend on how much else there is.
    ///
    /// The agent's parts run in the test's own process, in the machine's own network namespace.
    @Suite @MainActor struct Cost {
        @Test func aChangedEndpointCostsTheSameAmongMany() async throws {
            let few = try await cost(amongServices: 10)
            let many = try await cost(amongServices: 10_000)
            // One server comes, one goes.
            #expect(few == Change(messages: 2, sends: 1, compilations: 1, childFaults: 0))
            #expect(many == few)
        }

        private struct Change: Equatable {
            var messages: Int
            var sends: Int
            var compilations: Int
            /// Page faults of processes that were started and have ended: more than none if there was one.
            var childFaults: Int
        }

        private func cost(amongServices count: Int) async throws -> Change {
            var settings = CompilerSettings()
            settings.managesSysctls = false
            let kernel = LinuxKernel(linkName: "kube-ipvs0")
            let agent = Reconciler(
                kernel: kernel, compiler: ServiceCompiler(settings: settings, node: NodeFacts(name: "n1")), journal: Forgetful(),
                logger: Logger(label: "cost") { _ in SwiftLogNoOpLogHandler() })
            let objects = (0..<count).flatMap { [service($0), slice($0, last: 5)] }
            let first = await agent.take(SourceUpdate(changed: objects))
            #expect(first.succeeded, "\(first.failures.prefix(3)) \(first.observationFailures)")
            let before = await (traffic: kernel.ipvsTraffic, compilations: agent.compilations, faults: childFaults)

            #expect(before.faults > 0, "the rules were written by processes, and that is seen")
            let round = await agent.take(SourceUpdate(changed: [slice(4, last: 6)]))
            #expect(round.succeeded)
            let after = await kernel.ipvsTraffic
            let change = Change(
                messages: after.messages - before.traffic.messages, sends: after.sends - before.traffic.sends,
                compilations: agent.compilations - before.compilations, childFaults: childFaults - before.faults)

            let table = await kernel.observe(.virtualServers).state.virtualServers
            #expect(table.count == count)
            let servers = table[.address(address(4), port: 80, .tcp)]?.realServers.keys.map(\.address.description).sorted()
            #expect(servers == [1, 2, 3, 4, 6].map { "10.244.0.\($0)" })
            #expect(await agent.cleanup().succeeded)
            return change
        }

        private var childFaults: Int {
            var usage = rusage()
            unsafe getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
            return usage.ru_minflt
        }

        private func address(_ number: Int) -> IPAddress { IPAddress(ipv4: 0x0a60_0100 + UInt32(number)) }

        private func service(_ number: Int) -> SourceObject {
            .service(
                Service(
                    name: ObjectName(namespace: "default", name: "s\(number)"), clusterAddresses: [address(number)], ports: [ServicePort(port: 80)]))
        }

        /// Five endpoints, of which the last may be another.
        private func slice(_ number: Int, last: UInt32) -> SourceObject {
            .endpointSlice(
                EndpointSlice(
                    name: ObjectName(namespace: "default", name: "s\(number)-1"), service: ObjectName(namespace: "default", name: "s\(number)"),
                    family: .ipv4, ports: [EndpointPort(port: 8080)],
                    endpoints: [1, 2, 3, 4, last].map { Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + $0)) }))
        }

        /// Remembers nothing: this process is not killed.
        private struct Forgetful: OwnershipJournal {
            func remembered(reporting logger: Logger) -> Set<VirtualServer.Key> { [] }
            func remember(_ keys: Set<VirtualServer.Key>, reporting logger: Logger) {}
        }
    }
}
