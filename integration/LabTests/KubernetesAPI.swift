import Foundation
import Testing

extension LabTests {
    /// The whole way from a cluster's API to packets.
    @Suite @MainActor struct KubernetesAPI {
        private static let port = "16443"

        /// An API server on n1's loopback, with the documents that it serves, and the kubeconfig that leads to it.
        @MainActor struct Server {
            let scene: Scene
            var services: [ServiceManifest]

            private var objects: String { scene.directory + "/objects.json" }
            var kubeconfig: String { scene.directory + "/kubeconfig" }

            func write() throws {
                try Data(APIDocuments.list(services).utf8).write(to: URL(filePath: objects), options: .atomic)
                try Data(
                    """
                    apiVersion: v1
                    kind: Config
                    current-context: lab
                    contexts: [{name: lab, context: {cluster: lab, user: lab}}]
                    clusters: [{name: lab, cluster: {server: "http://127.0.0.1:\(KubernetesAPI.port)"}}]
                    users: [{name: lab, user: {}}]
                    """.utf8
                ).write(to: URL(filePath: kubeconfig))
            }

            func start() async throws -> Program {
                try write()
                let program = try scene.start([Laboratory.apiServer, "serve", KubernetesAPI.port, objects], in: "n1")
                try await eventually("the API server listens") { program.output == "ready\n" }
                return program
            }

            /// Tells a server that runs of what has changed.
            func put() async throws {
                try write()
                let result = try await Program.run(Laboratory.apiServer, "put", KubernetesAPI.port, objects, in: "n1")
                if result.status != 0 { throw LabFailure("put: \(result.text)") }
            }
        }

        private static func with(_ services: [ServiceManifest], _ body: (Scene, inout Server, Program) async throws -> Void) async throws {
            try await Scene.with(.bridge) { scene in
                var server = Server(scene: scene, services: services)
                let program = try await server.start()
                scene.source = ["--kubernetes", "--kubeconfig", server.kubeconfig]
                try await body(scene, &server, program)
            }
        }

        @Test func changesReachThePackets() async throws {
            try await Self.with([ServiceManifest(ports: [.http])]) { scene, server, _ in
                let agent = try await scene.startAgent()
                let limits = try await Program.script("grep 'core file' /proc/\(agent.processIdentifier)/limits")
                #expect(limits.split(separator: " ").contains("0"), "no core dump: \(limits)")
                #expect(try await scene.ask("10.96.0.20", count: 8).counts == ["web-1": 2, "web-2": 2, "web-3": 2, "web-4": 2])
                server.services[0].endpoints.remove(at: 1)
                try await server.put()
                try await scene.untilTable(has: "10.96.0.20:80 -r 10.244.0.12:8080", false)
                #expect(try await scene.ask("10.96.0.20", count: 9).counts == ["web-1": 3, "web-3": 3, "web-4": 3])
                server.services.append(ServiceManifest(name: "second", addresses: ["10.96.0.30"], ports: [.http]))
                try await server.put()
                try await scene.untilTable(has: "-A -t 10.96.0.30:80")
                #expect(try await scene.ask("10.96.0.30", count: 4).failures == "")
                _ = try await Program.run(Laboratory.apiServer, "delete", Self.port, "Service", "default", "second", in: "n1")
                try await scene.untilTable(has: "10.96.0.30", false)
            }
        }

        @Test func withoutItsServerTheNodeGoesOnAndThenCatchesUp() async throws {
            let gone = ServiceManifest(name: "gone", addresses: ["10.96.0.30"], ports: [.http])
            try await Self.with([ServiceManifest(ports: [.http]), gone]) { scene, server, program in
                scene.flags = ["--ipvs-sync-period", "2s"]
                let agent = try await scene.startAgent()
                program.signal(SIGKILL)
                try await eventually("the agent says that it is on its own", within: .seconds(30)) {
                    agent.error.contains("what it said last stays in force")
                }
                #expect(try await scene.ask("10.96.0.20", count: 4).failures == "")
                try await Program.script("ipvsadm -d -t 10.96.0.20:80 -r 10.244.1.12:8080", in: "n1")
                try await scene.untilTable(has: "10.96.0.20:80 -r 10.244.1.12:8080")
                let status = try await Program.script(
                    "exec 3<>/dev/tcp/127.0.0.1/10256; printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3", in: "n1")
                #expect(status.contains(" 200 "), "it is alive: \(status)")

                // An hour later, as it were.
                server.services = [ServiceManifest(ports: [.http], endpoints: [Topology.endpoints4[0]])]
                _ = try await server.start()
                try await scene.untilTable(has: "10.96.0.20:80 -r 10.244.0.12:8080", false, within: .seconds(60))
                try await scene.untilTable(has: "10.96.0.30", false, within: .seconds(60))
                #expect(try await scene.ask("10.96.0.20", count: 4).counts == ["web-1": 4])
                #expect(agent.isRunning)
            }
        }

        @Test func anAgentThatStartsWithoutItsServerLeavesTheKernelAsItIs() async throws {
            try await Self.with([ServiceManifest(ports: [.http])]) { scene, server, program in
                let agent = try await scene.startAgent()
                let table = try await scene.table
                program.signal(SIGKILL)
                agent.signal(SIGKILL)
                _ = try await agent.result()
                let next = try scene.start(scene.arguments("run", []), in: "n1")
                try await eventually("it says why it waits", within: .seconds(30)) {
                    next.error.contains("nothing is done before it can be read")
                }
                #expect(try await scene.table == table)
                #expect(try await scene.ask("10.96.0.20", count: 4).failures == "")
                _ = try await server.start()
                try await eventually("it is in force again", within: .seconds(60)) { next.error.contains("in force: ") }
                #expect(try await scene.table == table)
            }
        }

        /// What `kubectl describe service` shows: an annotation that says nothing, an address that another has, a backend that is drained.
        @Test func whoeverOwnsAServiceIsTold() async throws {
            var odd = ServiceManifest(name: "odd", addresses: ["10.96.0.30"], ports: [.http])
            odd.annotations = ["drain-timeout": "soon"]
            let younger = ServiceManifest(name: "younger", addresses: ["10.96.0.20"], ports: [.http])
            try await Self.with([ServiceManifest(ports: [.http, .echo]), odd]) { scene, server, _ in
                _ = try await scene.startAgent()
                @MainActor func posted(_ service: String, _ reason: String) async throws -> [PostedEvent] {
                    let address = "http://127.0.0.1:\(Self.port)/posted"
                    let text = try await Program.run("curl", "-sS", "--max-time", "10", address, in: "n1")
                    let events = try text.lines.map { try JSONDecoder().decode(PostedEvent.self, from: Data($0.utf8)) }
                    return events.filter { $0.regarding?.name == service && $0.reason == reason }
                }
                @MainActor func wait(_ service: String, _ reason: String) async throws -> PostedEvent {
                    try await eventually("\(reason) of \(service) is posted") { try await !posted(service, reason).isEmpty }
                    return try await posted(service, reason)[0]
                }
                let unknown = try await wait("odd", "ServiceProblem")
                #expect(unknown.note?.contains("drain-timeout") == true && unknown.type == "Warning", "\(unknown)")
                #expect(try await scene.ask("10.96.0.30", count: 4).failures == "", "it is balanced all the same")

                server.services.append(younger)
                try await server.put()
                let twice = try await wait("younger", "AddressConflict")
                #expect(twice.note?.contains("default/web") == true && twice.type == "Warning", "\(twice)")

                // A connection that stays keeps its server, which is drained when its endpoint goes.
                let held = try scene.start([Laboratory.peer, "hold", "10.96.0.20", "7", "--seconds", "300"], in: "client")
                try await eventually("the connection stands") { !held.output.isEmpty }
                server.services[0].endpoints = []
                try await server.put()
                let drained = try await wait("web", "DrainBegan")
                #expect(drained.note?.contains("node n1: takes no new connections") == true && drained.type == "Normal", "\(drained)")
                #expect(held.isRunning)
            }
        }

        /// What fails at the node, and is nobody's Service, is told at the node: in the log and at the socket. An Event of the API would need an
        /// object, and who owns a Service could do nothing about it.
        @Test func whatFailsAtTheNodeIsNoServicesEvent() async throws {
            var good = ServiceManifest(name: "good", addresses: ["10.96.0.30"], ports: [.http])
            good.annotations = ["scheduler": "rr"]
            try await Self.with([ServiceManifest(ports: [.http]), good]) { scene, server, _ in
                // A scheduler that the node was told to use and the kernel has not.
                scene.flags = ["--ipvs-scheduler", "nosuch"]
                let agent = try scene.start(scene.arguments("run", []), in: "n1")
                try await eventually("the agent says what it cannot do", within: .seconds(60)) {
                    guard agent.isRunning else { throw LabFailure("the agent has ended: \(agent.error.suffix(1000))") }
                    return agent.error.contains("tcp 10.96.0.20:80") && agent.error.contains("nosuch")
                }
                try await eventually("the socket says so, too", within: .seconds(60)) {
                    try await scene.control("events").output.contains("operationFailed")
                }
                #expect(try await scene.ask("10.96.0.30", count: 4).failures == "", "the rest is in force")

                // News that comes later is posted, and the failure was not.
                server.services[1].annotations["drain-timeout"] = "soon"
                try await server.put()
                @MainActor func posted() async throws -> [PostedEvent] {
                    let address = "http://127.0.0.1:\(Self.port)/posted"
                    let text = try await Program.run("curl", "-sS", "--max-time", "10", address, in: "n1")
                    return try text.lines.map { try JSONDecoder().decode(PostedEvent.self, from: Data($0.utf8)) }
                }
                try await eventually("the annotation is told") { try await posted().contains { $0.reason == "ServiceProblem" } }
                let all = try await posted()
                #expect(all.allSatisfy { $0.reason == "ServiceProblem" && $0.regarding?.name == "good" }, "\(all)")
            }
        }

        private struct PostedEvent: Decodable {
            struct Reference: Decodable { var name: String }
            var regarding: Reference?
            var reason: String?
            var note: String?
            var type: String?
        }

        @Test func planAndOnceReadTheCluster() async throws {
            try await Self.with([ServiceManifest(ports: [.http])]) { scene, _, program in
                var statuses: [Int32] = []
                for (verb, more) in [("plan", []), ("run", ["--once"]), ("plan", [])] as [(String, [String])] {
                    statuses.append(try await Program(scene.arguments(verb, more), in: "n1").result(within: .seconds(90)).status)
                }
                #expect(statuses == [3, 0, 0])
                program.signal(SIGKILL)
            }
        }
    }
}

/// The objects of manifests, as an API server has them.
enum APIDocuments {
    static func list(_ services: [ServiceManifest]) throws -> String {
        var items: [[String: Any]] = [
            [
                "kind": "Node", "apiVersion": "v1", "metadata": ["name": "n1"],
                "spec": ["podCIDRs": ["10.244.0.0/24"]], "status": ["addresses": [["type": "InternalIP", "address": "192.0.2.10"]]],
            ]
        ]
        for service in services { items += [Self.service(service), slice(service)] }
        let data = try JSONSerialization.data(withJSONObject: ["kind": "List", "apiVersion": "v1", "items": items])
        return String(decoding: data, as: UTF8.self)
    }

    private static func service(_ service: ServiceManifest) -> [String: Any] {
        let ports = service.ports.map { port -> [String: Any] in
            ["name": port.name, "protocol": port.transport, "port": Int(port.number), "targetPort": Int(port.target)]
        }
        let annotations = Dictionary(uniqueKeysWithValues: service.annotations.map { ("ipvs-agent.dev/" + $0.key, $0.value) })
        return [
            "kind": "Service", "apiVersion": "v1",
            "metadata": ["name": service.name, "namespace": "default", "annotations": annotations] as [String: Any],
            "spec": ["type": "ClusterIP", "clusterIP": service.addresses[0], "clusterIPs": service.addresses, "ports": ports],
        ]
    }

    private static func slice(_ service: ServiceManifest) -> [String: Any] {
        let endpoints = service.endpoints.filter { !$0.contains(":") }.map { address -> [String: Any] in
            ["addresses": [address], "nodeName": address.hasPrefix("10.244.0.") ? "n1" : "n2", "conditions": ["ready": true]]
        }
        let ports = service.ports.map { port -> [String: Any] in ["name": port.name, "protocol": port.transport, "port": Int(port.target)] }
        return [
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
            "metadata": ["name": "\(service.name)-a", "namespace": "default", "labels": ["kubernetes.io/service-name": service.name]],
            "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
        ]
    }
}
