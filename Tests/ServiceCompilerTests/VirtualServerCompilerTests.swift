import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import Testing

/// What has to stand beside a virtual server that was asked for in LVS's words.
@Suite struct VirtualServerCompilerTests {
    private func compiled(
        _ key: VirtualServer.Key, _ methods: [ForwardingMethod] = [.masquerade], _ change: (inout CompilerSettings) -> Void = { _ in }
    ) -> ServiceCompiler.Result {
        var servers: [RealServer.Key: RealServer.Configuration] = [:]
        for (index, method) in methods.enumerated() {
            servers[RealServer.Key(IPAddress(ipv4: 0x0a00_0001 + UInt32(index)), port: 80)] = .init(
                forwarding: method, weight: 3, upperThreshold: 10, lowerThreshold: 5)
        }
        let request = VirtualServerRequest(
            name: "web", key: key, configuration: .init(scheduler: .weightedLeastConnection), realServers: servers)
        var catalog = ServiceCatalog()
        _ = catalog.take(SourceUpdate(changed: [.virtualServer(request)]))
        guard let service = catalog.services[request.objectName] else { preconditionFailure("a virtual server stands among the Services") }
        return compiler(change).compile(service, slices: [])
    }

    private func names(_ result: ServiceCompiler.Result, _ key: VirtualServer.Key) -> Set<String> {
        Set((result.share?.membersOfServers[key] ?? []).map(\.description) + (result.share?.members ?? []).map(\.description))
    }

    private static let web = VirtualServer.Key.address(ip("198.51.100.1"), port: 80, .tcp)

    @Test func itStandsAsItIsAskedForAndItsAddressIsGuarded() {
        let result = compiled(Self.web)
        #expect(result.problems == [])
        #expect(result.share?.virtualServers[Self.web]?.configuration.description == "wlc")
        #expect(
            result.share?.virtualServers[Self.web]?.realServers.values.map(\.description) == ["masquerade weight 3 connections 5…10"])
        #expect(result.share?.externalAddresses == [ip("198.51.100.1")] && result.share?.addresses == [])
        #expect(names(result, Self.web).map { String($0.prefix { $0 != " " }) }.sorted() == ["KUBE-EXTERNAL-IP", "KUBE-IPVS-IPS"])
    }

    @Test(arguments: [
        ([ForwardingMethod.masquerade, .masquerade], "KUBE-EXTERNAL-IP ", 0), ([.direct], "KUBE-EXTERNAL-IP-LOCAL ", 0),
        ([.tunnel(.ipip), .direct], "KUBE-EXTERNAL-IP-LOCAL ", 0), ([.masquerade, .direct], "KUBE-EXTERNAL-IP-LOCAL ", 1),
        ([], "KUBE-EXTERNAL-IP ", 0),
    ])
    func clientsAreMasqueradedWhereAllIsTranslated(_ methods: [ForwardingMethod], _ set: String, _ problems: Int) {
        let result = compiled(Self.web, methods)
        #expect(names(result, Self.web).contains { $0.hasPrefix(set) }, "\(names(result, Self.web))")
        #expect(result.problems.count == problems && !result.problems.contains(where: \.isError))
    }

    @Test func aMarkStandsAloneAndNotAmongTheAgentsOwn() {
        let key = VirtualServer.Key.firewallMark(7, .ipv4)
        let result = compiled(key)
        #expect(result.share?.virtualServers.keys.map(\.self) == [key] && result.problems == [])
        #expect(result.share?.members == [] && result.share?.externalAddresses == [] && result.share?.membersOfServers == [:])
        let own = compiled(.firewallMark(0x1000_0007, .ipv4))
        #expect(own.share?.virtualServers == [:] && own.problems.first?.isError == true)
        #expect(own.problems.first?.place == "VirtualServer web, spec.firewallMark")
    }

    /// Every port is asked for, so there is none to refuse, and no set that could name them.
    @Test func portZeroIsNeitherGuardedNorMasqueraded() {
        let key = VirtualServer.Key.address(ip("198.51.100.1"), port: 0, .tcp)
        let result = compiled(key)
        #expect(names(result, key) == [] && result.share?.externalAddresses == [ip("198.51.100.1")])
        #expect(result.problems.map(\.isError) == [false])
    }

    @Test func aFamilyThatTheNodeLacksIsTold() {
        var service = ServiceCatalog()
        let request = VirtualServerRequest(
            name: "six", key: .address(ip("2001:db8::1"), port: 80, .tcp), configuration: .init(scheduler: .roundRobin))
        _ = service.take(SourceUpdate(changed: [.virtualServer(request)]))
        var compiler = compiler()
        compiler.node.families = [.ipv4]
        let result = service.services[request.objectName].map { compiler.compile($0, slices: []) }
        #expect(result?.share?.virtualServers == [:] && result?.problems.count == 1)
    }
}
