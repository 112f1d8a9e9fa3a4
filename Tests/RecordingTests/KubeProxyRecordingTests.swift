import Addresses
import Foundation
import IPVSModel
import ManifestSource
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Testing

/// What kube-proxy 1.36.2 kept in a real kernel for some objects, beside what is compiled here for the same objects.
///
/// Compared is what cluster addresses lead to: their virtual and real servers, the addresses themselves, and the set entries that
/// belong to them. Node ports, external and load balancer addresses in the same recordings are left out.
@Suite struct KubeProxyRecordingTests {
    static let names = [
        "clusterip-basic", "dual-stack", "external-ips", "hairpin-local", "loadbalancer", "loadbalancer-source-ranges",
        "nodeport-protocols",
        "session-affinity", "terminating", "zone-hints",
    ]

    struct State: Decodable {
        var ipvs: [String]
        var addresses: [String]
        var sets: [String]
        var iptables: [String]?
    }

    @Test(arguments: names)
    func clusterAddressesLeadToTheSame(name: String) throws {
        let recorded = try JSONDecoder().decode(State.self, from: Data(contentsOf: Self.folder.appending(path: "\(name).state.json")))
        let compiled = try compiled(name).state
        #expect(recorded.ipvs.count > 1 && compiled.virtualServers.count > 1)
        #expect(ipvsLines(compiled) == recorded.ipvs.filter(Self.isClusterServer).sorted())
        #expect(compiled.addresses.map { "\($0)/\($0.family.bitWidth)" }.sorted() == recorded.addresses.filter(Self.isCluster).sorted())
        #expect(setLines(compiled) == recorded.sets.filter(Self.isClusterEntry).sorted())
    }

    @Test func rulesAreTheSame() throws {
        let recorded = try JSONDecoder().decode(
            State.self, from: Data(contentsOf: Self.folder.appending(path: "clusterip-basic.state.json")))
        let tables = try compiled("clusterip-basic").state.rules[.ipv4]?.tables ?? [:]
        var lines: [String] = []
        for name in ["filter", "nat"] {
            for (chain, rules) in tables[name]?.chains ?? [:] { lines += rules.map { "\(name) -A \(chain) \($0)" } }
            for jump in tables[name]?.jumps ?? [] { lines.append("\(name) -A \(jump.chain) \(jump.rule)") }
        }
        var table = ""
        let expected = (recorded.iptables ?? []).compactMap { line -> String? in
            if line.hasPrefix("*") { table = String(line.dropFirst()) }
            return line.hasPrefix("-A") ? "\(table) \(line)" : nil
        }
        #expect(lines.sorted() == expected.sorted())
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
        path: "Recordings")

    private static func isCluster(_ text: String) -> Bool { text.contains("10.96.") || text.contains("fd00:10:96::") }

    private static func isClusterServer(_ line: String) -> Bool { isCluster(String(line.split(separator: " ")[2])) }

    private static func isClusterEntry(_ line: String) -> Bool {
        let words = line.split(separator: " ")
        return ["CLUSTER-IP", "LOOP-BACK"].contains { words[1].hasSuffix($0) }
            || words[1].hasSuffix("IPVS-IPS") && isCluster(String(words[2]))
    }

    /// The objects of a recording, and the API server's own Service, which the recorded node had too.
    private func compiled(_ name: String) throws -> WantedState {
        let bytes = try Data(contentsOf: Self.folder.appending(path: "\(name).json"))
        let contents = ManifestReader().read([UInt8](bytes), file: "\(name).json")
        var settings = CompilerSettings()
        settings.localTraffic = .ranges([IPPrefix("10.244.0.0/16"), IPPrefix("fd00:10:244::/48")].compactMap(\.self))
        let compiler = ServiceCompiler(settings: settings, node: NodeFacts(name: "n1", zone: "a"))
        var catalog = ServiceCatalog()
        let apiServer = Service(
            name: ObjectName(namespace: "default", name: "kubernetes"), clusterAddresses: [IPAddress(ipv4: 0x0a60_0001)],
            ports: [ServicePort(name: "https", port: 443)])
        _ = catalog.take(SourceUpdate(changed: contents.entries.compactMap(\.object) + [.service(apiServer)]))
        var wanted = WantedState(base: compiler.base())
        for (name, service) in catalog.services {
            _ = wanted.replace(compiler.compile(service, slices: catalog.slices(of: name)).share, of: name.description)
        }
        return wanted
    }

    /// As `ipvsadm -Sn` prints them.
    private func ipvsLines(_ state: NodeState) -> [String] {
        var lines: [String] = []
        for (key, server) in state.virtualServers {
            guard case .address(_, _, let transport) = key else { continue }
            let option = ["tcp": "-t", "udp": "-u", "sctp": "--sctp-service"][transport.description] ?? ""
            let place = "\(option) \(key.description.split(separator: " ")[1])"
            let persistence = server.configuration.persistence.map { " -p \($0.timeout)" } ?? ""
            lines.append("-A \(place) -s \(server.configuration.scheduler)\(persistence)")
            for (real, configuration) in server.realServers { lines.append("-a \(place) -r \(real) -m -w \(configuration.weight)") }
        }
        return lines.sorted()
    }

    private func setLines(_ state: NodeState) -> [String] {
        state.sets.flatMap { key, set in set.entries.map { "add \(key) \($0)" } }.sorted()
    }
}
