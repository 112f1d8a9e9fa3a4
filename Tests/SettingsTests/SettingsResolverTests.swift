import Addresses
import Foundation
import IPVSModel
import Settings
import Testing

@Suite struct SettingsResolverTests {
    private static let header = "apiVersion: ipvs-agent.dev/v1alpha1\nkind: AgentConfiguration\n"

    private func file(_ keys: String) -> (name: String, text: String) { ("config.yaml", Self.header + keys) }

    private func problems(flags: [String: String] = [:], environment: [String: String] = [:], file: (name: String, text: String)? = nil)
        -> [String]
    {
        do {
            _ = try SettingsResolver.resolve(flags: flags, environment: environment, file: file)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func defaultsAreKubeProxys() throws {
        let settings = try SettingsResolver.resolve()
        #expect(settings.manifests == nil)
        #expect(settings.scheduler == .roundRobin)
        #expect(settings.schedulerFlags == [])
        #expect(settings.syncPeriod == .seconds(30))
        #expect(settings.tcpTimeout == nil)
        #expect(settings.masqueradeBit == 14)
        #expect(settings.detectLocalMode == .clusterCIDR)
        #expect(settings.serviceNodePorts == 30000...32767)
        #expect(settings.link == "kube-ipvs0")
        #expect(settings.runtimeDirectory == "/run/ipvs-agent")
        #expect(settings.managesSysctls)
        #expect(settings.origins == [:])
        // Each default reads as its own kind.
        for definition in SettingDefinition.all where !definition.defaultText.isEmpty {
            #expect(problems(flags: [definition.name: definition.defaultText]) == [])
        }
    }

    @Test func aFlagComesBeforeTheEnvironmentAndThatBeforeTheFile() throws {
        let file = file(
            "ipvsScheduler: wlc\nlink: from-file\nclusterCidr:\n- 10.244.0.0/16\n- fd00:10:244::/48\nmasqueradeAll: true\nmanifests:\n")
        let environment = ["IPVS_AGENT_IPVS_SCHEDULER": "sed", "IPVS_AGENT_LOG_LEVEL": "debug", "PATH": "/bin", "IPVS_AGENT_CONFIG": "x"]
        let settings = try SettingsResolver.resolve(flags: ["ipvs-scheduler": "mh"], environment: environment, file: file)
        #expect(settings.scheduler == .maglevHashing)
        #expect(settings.schedulerFlags == .port)
        #expect(settings.logLevel == .debug)
        #expect(settings.link == "from-file")
        #expect(settings.masqueradeAll)
        #expect(settings.clusterCIDRs.map(\.description) == ["10.244.0.0/16", "fd00:10:244::/48"])
        #expect(settings.origins["ipvs-scheduler"]?.description == "--ipvs-scheduler")
        #expect(settings.origins["log-level"]?.description == "IPVS_AGENT_LOG_LEVEL")
        #expect(settings.origins["link"]?.description == "config.yaml:4, link")
        #expect(settings.origins["manifests"] == nil)
    }

    @Test(arguments: [
        ("ipvsSchedular: rr", "config.yaml:3, ipvsSchedular: unknown setting; did you mean ipvsScheduler?"),
        ("ipvs-scheduler: rr", "config.yaml:3, ipvs-scheduler: unknown setting; did you mean ipvsScheduler?"),
        ("zzzzzzzzzzzzzzzz: 1", "config.yaml:3, zzzzzzzzzzzzzzzz: unknown setting"),
        ("link: [a, b]", "config.yaml:3, link: a list where one value is wanted"),
        ("clusterCidr: {a: b}", "config.yaml:3, clusterCidr: a mapping where a list is wanted"),
        ("clusterCidr: [[a]]", "config.yaml:3, clusterCidr: a list of something else than plain values"),
        ("logLevel: loud", "config.yaml:3, logLevel: \"loud\" is not one of trace, debug, info, notice, warning, error, critical"),
        ("link: a\nlink: b", "config.yaml:3: link is set twice"),
        ("link: [", "config.yaml:4: not readable as YAML: did not find expected node content, column 1"),
        ("---\nlink: b", "config.yaml:4: a second document; the settings are one"),
    ]) func theFileIsChecked(keys: String, message: String) {
        #expect(problems(file: file(keys + "\n")) == [message])
    }

    @Test func theFileSaysWhatItIs() {
        #expect(
            problems(file: ("c", "kind: KubeProxyConfiguration\nlink: a")) == [
                "c:1, kind: not AgentConfiguration", "c:1, apiVersion: missing: apiVersion: ipvs-agent.dev/v1alpha1",
            ])
        #expect(problems(file: ("c", "# nothing\n")) == [])
        #expect(problems(file: ("c", "- a")) == ["c:1: not a mapping of settings"])
    }

    @Test func unknownNamesAreRefusedEverywhere() {
        #expect(
            problems(flags: ["ipvs-schedule": "rr"], environment: ["IPVS_AGENT_LOGLEVEL": "info"]) == [
                "IPVS_AGENT_LOGLEVEL: unknown setting; did you mean IPVS_AGENT_LOG_LEVEL?",
                "--ipvs-schedule: unknown setting; did you mean --ipvs-scheduler?",
            ])
    }

    @Test(arguments: [
        ("ipvs-scheduler", "", "\"\" is not a scheduler's name: 1 to 15 printable characters, such as rr, wlc or mh"),
        ("ipvs-scheduler-flags", "sideways", "\"sideways\" is not a list of fallback, port, flag-3"),
        ("ipvs-sync-period", "30", "\"30\" is not a duration such as 30s, 1h30m or 500ms"),
        ("ipvs-sync-period", "0s", "0 is not a period; give more, such as 30s"),
        ("ipvs-sync-period", "-5s", "\"-5s\" is not a duration such as 30s, 1h30m or 500ms"),
        ("ipvs-min-sync-period", "1m", "longer than --ipvs-sync-period; give less, or give that more"),
        ("ipvs-udp-timeout", "500ms", "the kernel counts whole seconds; give 1s or more, or 0"),
        ("ipvs-tcp-timeout", "1000h", "longer than the kernel can wait; at most 596h"),
        ("ipvs-strict-arp", "yes", "\"yes\" is not true or false"),
        ("ipvs-exclude-cidrs", "10.0.0.0/8, 10.0.0.1", "\"10.0.0.1\" is not a range such as 10.96.0.0/12 or fd00::/64"),
        ("cluster-cidr", "10.0.0.0/8,11.0.0.0/8", "several IPv4 ranges; at most one of each family"),
        ("iptables-masquerade-bit", "32", "\"32\" is not a number from 0 to 31"),
        ("detect-local-mode", "BridgeInterface", "BridgeInterface needs --pod-bridge-interface"),
        ("detect-local-mode", "InterfaceNamePrefix", "InterfaceNamePrefix needs --pod-interface-name-prefix"),
        ("detect-local-mode", "bridge", "\"bridge\" is not one of ClusterCIDR, NodeCIDR, BridgeInterface, InterfaceNamePrefix"),
        ("service-node-port-range", "32767-30000", "\"32767-30000\" is not a range of ports such as 30000-32767"),
        ("runtime-directory", "run", "\"run\" is not an absolute path"),
        ("socket", "agent.sock", "\"agent.sock\" is not an absolute path of at most 100 bytes"),
        ("socket", "/run/", "\"/run/\" is not an absolute path of at most 100 bytes"),
        (
            "socket", "/" + String(repeating: "x", count: 100),
            "\"/" + String(repeating: "x", count: 100) + "\" is not an absolute path of at most 100 bytes"
        ),
        (
            "runtime-directory", "/" + String(repeating: "x", count: 95),
            "too long for the socket in it; give less, or give --socket, at most 100 bytes"
        ),
        ("link", "a-name-that-is-too-long", "\"a-name-that-is-too-long\" is not a link's name: 1 to 15 bytes without blanks, / or :"),
        ("link", "", "a name is needed, such as kube-ipvs0"),
        ("hostname-override", "n_1", "\"n_1\" is not a node's name: at most 253 of a–z, 0–9, - and ."),
        ("iptables-backend", "nftables", "\"nftables\" is not one of auto, legacy, nft"),
        ("log-format", "xml", "\"xml\" is not one of text, json"),
    ]) func wrongValuesAreNamed(name: String, text: String, message: String) {
        #expect(problems(flags: [name: text]) == ["--\(name): \(message)"])
    }

    @Test func everythingWrongIsToldAtOnce() {
        #expect(
            problems(flags: ["link": "a b", "log-level": "x"], environment: ["IPVS_AGENT_LOG_FORMAT": "x"], file: file("nothing: 1\n"))
                .count == 4)
    }

    @Test func valuesAreRead() throws {
        let settings = try SettingsResolver.resolve(flags: [
            "ipvs-sync-period": "1h30m", "ipvs-min-sync-period": "1.5s", "ipvs-tcp-timeout": "15m", "ipvs-udp-timeout": "0",
            "ipvs-scheduler": "sh", "ipvs-scheduler-flags": "sh-fallback,port", "hostname-override": " Node-1.Example ",
            "detect-local-mode": "BridgeInterface", "pod-bridge-interface": "cni0", "iptables-masquerade-bit": "31",
        ])
        #expect(settings.syncPeriod == .seconds(5400))
        #expect(settings.minSyncPeriod == .milliseconds(1500))
        #expect(settings.tcpTimeout == 900)
        #expect(settings.udpTimeout == nil)
        #expect(settings.schedulerFlags == [.fallback, .port])
        #expect(settings.hostnameOverride == "node-1.example")
        #expect(settings.podBridgeInterface == "cni0")
        #expect(settings.masqueradeBit == 31)
    }

    @Test func theSocketIsInTheRuntimeDirectoryWhereNothingElseIsSaid() throws {
        #expect(try SettingsResolver.resolve().socket == "/run/ipvs-agent/agent.sock")
        #expect(try SettingsResolver.resolve(flags: ["runtime-directory": "/tmp/x"]).socket == "/tmp/x/agent.sock")
        let settings = try SettingsResolver.resolve(flags: ["socket": "/run/a.sock", "socket-group": "ipvs"])
        #expect(settings.socket == "/run/a.sock" && settings.socketGroup == "ipvs")
    }

    @Test(arguments: ["9223372036854775807h", "99999999999999999999s", "1e3s", "s", "1", "1s1", ".s", "1d", "", "1h-1m", "+1s"])
    func durationsThatAreNone(text: String) {
        #expect(problems(flags: ["ipvs-sync-period": text]).count == 1)
    }

    @Test func namesAreTheSameEverywhere() {
        for definition in SettingDefinition.all {
            #expect(definition.variable == "IPVS_AGENT_" + definition.flag.dropFirst(2).uppercased().replacing("-", with: "_"))
            #expect(definition.key.lowercased() == definition.name.replacing("-", with: ""))
            #expect(!definition.help.hasSuffix("."))
        }
        #expect(Set(SettingDefinition.all.map(\.name)).count == SettingDefinition.all.count)
    }

    /// `docs/settings.md` holds the table that follows from the definitions.
    @Test func theDocumentIsUpToDate() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appending(path: "docs/settings.md")
        if ProcessInfo.processInfo.environment["WRITE_DOCS"] != nil {
            let text = try String(contentsOf: path, encoding: .utf8)
            let start = try #require(text.range(of: "<!-- settings -->\n"))
            try (text[..<start.upperBound] + SettingDefinition.markdownTable).write(to: path, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: path, encoding: .utf8)
        #expect(text.hasSuffix("<!-- settings -->\n" + SettingDefinition.markdownTable), "run the tests with WRITE_DOCS=1 to write it anew")
    }

    @Test func theFileIsFound() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "config.yaml").path
        #expect(try ConfigurationFile.read(named: nil, default: path) == nil)
        do {
            _ = try ConfigurationFile.read(named: path)
            Issue.record("a file that was named must exist")
        } catch {
            #expect(error.description == "\(path): the settings file cannot be opened: No such file or directory")
        }
        try "a: 1".write(toFile: path, atomically: false, encoding: .utf8)
        #expect(try ConfigurationFile.read(named: path)?.text == "a: 1")
        #expect(try ConfigurationFile.read(named: nil, default: path)?.name == path)
        #expect(throws: InvalidSettings.self) { try ConfigurationFile.read(named: directory.path) }
    }
}
