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
/// Compared is all of it: virtual and real servers, the addresses on the link, the set entries, and the rules where they were recorded.
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
        var ip6tables: [String]?
    }

    @Test(arguments: names)
    func theSameObjectsLeadToTheSame(name: String) throws {
        let recorded = try JSONDecoder().decode(State.self, from: Data(contentsOf: Self.folder.appending(path: "\(name).state.json")))
        let compiled = try compiled(name).state
        #expect(recorded.ipvs.count > 1 && compiled.virtualServers.count > 1)
        #expect(ipvsLines(compiled) == recorded.ipvs.sorted())
        #expect(compiled.addresses.map { "\($0)/\($0.family.bitWidth)" }.sorted() == recorded.addresses.sorted())
        #expect(setLines(compiled) == recorded.sets.sorted())
    }

    /// Each chain of kube-proxy's is ours without some rules, in the same order; it writes a rule only while its set has entries.
    @Test(arguments: names) func rulesAreTheSame(name: String) throws {
        let recorded = try JSONDecoder().decode(State.self, from: Data(contentsOf: Self.folder.appending(path: "\(name).state.json")))
        let rules = try compiled(name).state.rules
        for (family, lines) in [(AddressFamily.ipv4, recorded.iptables ?? []), (.ipv6, recorded.ip6tables ?? [])] {
            var table = ""
            var recordedChains: [String: [String]] = [:]
            for line in lines {
                if line.hasPrefix("*") { table = String(line.dropFirst()) }
                guard line.hasPrefix("-A "), !Self.isLeftOut(line) else { continue }
                let words = line.split(separator: " ", maxSplits: 2)
                recordedChains["\(table) \(words[1])", default: []].append(String(words[2]))
            }
            for (place, expected) in recordedChains {
                let words = place.split(separator: " ").map(String.init)
                let tables = rules[family]?.tables[words[0]]
                let ours = tables?.chains[words[1]] ?? tables?.jumps.filter { $0.chain == words[1] }.map(\.rule) ?? []
                var rest = ours[...]
                for rule in expected {
                    guard let index = rest.firstIndex(of: rule) else {
                        Issue.record("\(name), \(family), \(place): not there, or not in this order: \(rule)")
                        break
                    }
                    rest = rest[(index + 1)...]
                }
            }
        }
    }

    /// The rule by bridge port asks for `br_netfilter`, and says nothing that the one after it does not: external addresses are local here.
    /// The rules of a node that source ranges leave out are one for each address and port.
    private static func isLeftOut(_ line: String) -> Bool { line.contains("-m physdev") || line.hasPrefix("-A KUBE-IPVS-OUT-FILTER ") }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
        path: "Recordings")

    /// The objects of a recording, and the API server's own Service, which the recorded node had too.
    private func compiled(_ name: String) throws -> WantedState {
        let bytes = try Data(contentsOf: Self.folder.appending(path: "\(name).json"))
        let contents = ManifestReader().read([UInt8](bytes), file: "\(name).json")
        var settings = CompilerSettings()
        settings.localTraffic = .ranges([IPPrefix("10.244.0.0/16"), IPPrefix("fd00:10:244::/48")].compactMap(\.self))
        settings.nodePortAddresses = .ranges([IPPrefix("192.0.2.0/24"), IPPrefix("2001:db8:1::/64")].compactMap(\.self))
        let nodeAddresses = [IPAddress("192.0.2.10"), IPAddress("2001:db8:1::10")].compactMap(\.self)
        let compiler = ServiceCompiler(
            settings: settings,
            node: NodeFacts(
                name: "n1", zone: "a", addresses: Set(nodeAddresses + [IPAddress(ipv4: 0x0af4_0001)]), namedAddresses: nodeAddresses))
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

    /// Sets of our own are no part of a recording.
    private func setLines(_ state: NodeState) -> [String] {
        state.sets.filter(\.key.set.isKubeProxys).flatMap { key, set in set.entries.map { "add \(key) \($0)" } }.sorted()
    }
}
