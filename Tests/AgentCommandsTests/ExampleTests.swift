import ArgumentParser
import Foundation
import KubernetesTesting
import Logging
import ServiceModel
import Settings
import Telemetry
import TestSupport
import Testing

@testable import AgentCommands
@testable import KubernetesSource
@testable import ManifestSource

/// `examples/kubernetes` says what is true: the agent takes what is in it, and asks for no more than it grants.
@Suite struct ExampleTests {
    @Test func everyFileIsYAML() throws {
        let names = try ExampleDocuments.names
        #expect(names == ["config.yaml", "daemonset.yaml", "kustomization.yaml", "policies.yaml", "rbac.yaml"])
        for name in names {
            let documents = try ExampleDocuments.read(name)
            #expect(!documents.isEmpty && documents.allSatisfy { $0["apiVersion"].text != nil && $0["kind"].text != nil }, "\(name)")
        }
    }

    @Test func thePoliciesAreGood() throws {
        let contents = ManifestReader(kinds: [.healthPolicy]).read(try ExampleDocuments.bytes("policies.yaml"), file: "policies.yaml")
        #expect(contents.problems == [] && contents.entries.count == 1)
    }

    // MARK: The DaemonSet

    private static var pod: ExampleValue {
        get throws { try ExampleDocuments.read("daemonset.yaml", kind: "DaemonSet")["spec"]["template"]["spec"] }
    }

    /// The settings that a container's agent runs with.
    private static func settings(_ container: ExampleValue) throws -> (run: RunCommand, settings: AgentSettings) {
        let run = try #require(try AgentCommand.parseAsRoot(BooleanFlags.spelledOut(container["args"].texts)) as? RunCommand)
        #expect(run.options.config == "/etc/ipvs-agent/config.yaml")
        var environment: [String: String] = [:]
        for variable in container["env"].items { environment[variable["name"].text ?? ""] = "n1" }
        if container["envFrom"].items.first?["configMapRef"]["name"].text == "ipvs-agent-apiserver" {
            let text = String(decoding: try ExampleDocuments.bytes("apiserver.env"), as: UTF8.self)
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                environment[parts[0]] = parts[1]
            }
        }
        for name in environment.keys { #expect(SettingDefinition.all.contains { $0.variable == name }, "\(name) is a setting") }
        let file = try ConfigurationFile.read(named: ExampleDocuments.folder.appending(path: "config.yaml").path)
        return (run, try SettingsResolver.resolve(flags: run.options.flags, environment: environment, file: file))
    }

    @Test func theAgentTakesItsArguments() throws {
        let pod = try Self.pod
        let (prepare, first) = try Self.settings(pod["initContainers"].named("prepare"))
        #expect(prepare.initOnly && first.followsKubernetes && first.hostnameOverride == "n1")
        let container = pod["containers"].named("ipvs-agent")
        let (run, settings) = try Self.settings(container)
        #expect(!run.initOnly && !run.once && settings.followsKubernetes && settings.hostnameOverride == "n1")
        #expect(settings.apiServers == ["https://192.0.2.1:6443"] && settings.warnings.isEmpty)
        let mounts = container["volumeMounts"].items
        for path in [settings.policies, settings.runtimeDirectory, settings.stateDirectory, "/run/xtables.lock", "/etc/ipvs-agent"] {
            #expect(mounts.contains { $0["mountPath"].text == path }, "\(path ?? "nothing") is mounted")
        }
        let address = try #require(settings.healthzBind)
        for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/healthz")] {
            let get = container[probe]["httpGet"]
            #expect(get["host"].text == "127.0.0.1" && get["port"].text == "\(address.port)" && get["path"].text == path, "\(probe)")
        }
    }

    @Test func whatIsMountedIsThere() throws {
        let pod = try Self.pod
        let volumes = pod["volumes"].items.compactMap { $0["name"].text }
        let containers = pod["initContainers"].items + pod["containers"].items
        for container in containers {
            for mount in container["volumeMounts"].items { #expect(volumes.contains(mount["name"].text ?? ""), "\(mount)") }
        }
        let kustomization = try ExampleDocuments.read("kustomization.yaml", kind: "Kustomization")
        let maps = kustomization["configMapGenerator"].items
        let used =
            pod["volumes"].items.compactMap { $0["configMap"]["name"].text }
            + containers.flatMap { $0["envFrom"].items.compactMap { $0["configMapRef"]["name"].text } }
        #expect(Set(used) == Set(maps.compactMap { $0["name"].text }))
        let files = kustomization["resources"].texts + maps.flatMap { $0["files"].texts + $0["envs"].texts }
        for file in files {
            #expect(FileManager.default.fileExists(atPath: ExampleDocuments.folder.appending(path: file).path), "\(file)")
        }
        let others = Set(try ExampleDocuments.names).subtracting(files)
        #expect(others == ["kustomization.yaml"], "every file is used")
    }

    /// That these are enough is shown by `aContainerHasWhatItNeedsAndNoMore`.
    @Test func theAgentHasLittlePrivilege() throws {
        let pod = try Self.pod
        #expect(pod["hostNetwork"].text == "true" && pod["priorityClassName"].text == "system-node-critical")
        let prepare = pod["initContainers"].named("prepare")["securityContext"]
        #expect(prepare["privileged"].text == "true" && prepare["readOnlyRootFilesystem"].text == "true")
        let agent = pod["containers"].named("ipvs-agent")["securityContext"]
        #expect(agent["privileged"].text == "false" && agent["allowPrivilegeEscalation"].text == "false")
        #expect(agent["readOnlyRootFilesystem"].text == "true" && agent["capabilities"]["drop"].texts == ["ALL"])
        #expect(agent["capabilities"]["add"].texts == ["NET_ADMIN", "NET_RAW"])
    }

    // MARK: Permissions

    /// What a request needs: `watch services`, `create events.events.k8s.io`.
    private static func permission(_ request: TestRequest) -> String {
        var parts = request.path.split(separator: "/").map(String.init)
        // /api/VERSION/… or /apis/GROUP/VERSION/…
        let group = parts.removeFirst() == "api" ? "" : parts.removeFirst()
        parts.removeFirst()
        if parts.first == "namespaces", parts.count > 2 { parts.removeFirst(2) }
        let verb =
            switch request.method {
            case "POST": "create"
            case "PATCH": "patch"
            case "GET": request.isWatch ? "watch" : parts.count > 1 ? "get" : "list"
            default: request.method
            }
        return "\(verb) \(parts[0])\(group.isEmpty ? "" : ".")\(group)"
    }

    @Test func permissionsAreThoseThatAreUsed() async throws {
        var granted: Set<String> = []
        for rule in try ExampleDocuments.read("rbac.yaml", kind: "ClusterRole")["rules"].items {
            for group in rule["apiGroups"].texts {
                for resource in rule["resources"].texts {
                    for verb in rule["verbs"].texts { granted.insert("\(verb) \(resource)\(group.isEmpty ? "" : ".")\(group)") }
                }
            }
        }
        let cluster = TestCluster()
        cluster.put(.node("n1"))
        cluster.put(.service("web", address: "10.96.0.1"))
        cluster.put(.slice("web-a", of: "web", addresses: ["10.244.1.1"]))
        let server = TestAPIServer(cluster)
        let access = ClusterAccess(
            origin: "test", servers: [ServerAddress(isEncrypted: false, host: "127.0.0.1", port: try await server.start())])
        for streams in [false, true] {
            var options = KubernetesSource.Options()
            options.asksStreamingLists = streams
            let source = KubernetesSource(access: access, node: "n1", version: "test", options: options, logger: Logger(label: "test"))
            let task = Task { await source.run() }
            let before = server.requests.count
            try await eventually("all is watched") { server.requests.dropFirst(before).count { $0.isWatch } >= 3 }
            task.cancel()
            await task.value
        }
        // One Event, and the same a minute later.
        let (log, clock) = (EventLog(), TestClock())
        let client = APIClient(access, version: "test", logger: Logger(label: "test"))
        let poster = EventPoster(client: client, node: "n1", logger: Logger(label: "test"), now: { clock.now }, uid: { _ in "some-uid" })
        let posting = Task { await poster.run(log) }
        for count in 1...2 {
            // The poster begins with what is posted after it has.
            try await eventually("Event \(count) is posted") {
                log.post(.conflict, about: "Service default/web", "tcp 10.96.0.1:80 belongs to another")
                return server.posted.count >= count
            }
            clock.advance(61)
        }
        posting.cancel()
        await posting.value
        await client.close()
        await server.stop()
        #expect(Set(server.requests.map(Self.permission)) == granted)
    }
}
