import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import Testing

/// How packets reach real servers, by annotation; and that what is wrong leaves what was in force.
@Suite struct ForwardingTests {
    private func compiled(
        _ annotations: [String: String], target: UInt16 = 80, policy: TrafficPolicy = .cluster, previous: ServiceOptions? = nil
    ) -> ServiceCompiler.Result {
        var service = service(ports: [ServicePort(port: 80, nodePort: 30080)], annotations: annotations, type: .loadBalancer)
        service.externalAddresses = [ip("198.51.100.1")]
        service.loadBalancerAddresses = [ip("203.0.113.1")]
        service.externalTrafficPolicy = policy
        var compiler = compiler()
        compiler.node.addresses = [ip("192.0.2.10")]
        let slice = slice([endpoint("10.0.0.1", node: "n1"), endpoint("10.0.0.2")], ports: [EndpointPort(port: target)])
        return compiler.compile(service, slices: [slice], previous: previous)
    }

    private func methods(_ share: NodeShare?) -> [String: Set<String>] {
        var result: [String: Set<String>] = [:]
        for (key, server) in share?.virtualServers ?? [:] {
            result[key.description] = Set(server.realServers.values.map { $0.forwarding.description })
        }
        return result
    }

    /// The sets in which an address and port stand.
    private func sets(_ share: NodeShare?, _ address: String) -> Set<String> {
        var all = share?.members ?? []
        for (_, members) in share?.membersOfServers ?? [:] { all.formUnion(members) }
        return Set(all.filter { $0.entry == .addressPort(ip(address), 80, .tcp) }.map(\.set.name))
    }

    @Test(arguments: [
        (["forwarding": "direct"], "direct"), (["forwarding": "tunnel"], "tunnel ipip"),
        (["forwarding": "tunnel", "tunnel": "gue:6080+remcsum"], "tunnel gue:6080+remcsum"),
        (["forwarding": "tunnel", "tunnel": "gre+csum"], "tunnel gre+csum"), (["forwarding": "tunnel", "tunnel": "gre"], "tunnel gre"),
        (["forwarding": "masquerade"], "masquerade"),
    ])
    func packetsGoAsAsked(_ annotations: [String: String], _ method: String) {
        let result = compiled(annotations)
        #expect(result.problems == [])
        #expect(
            methods(result.share) == [
                "tcp 10.96.0.10:80": [method], "tcp 198.51.100.1:80": [method], "tcp 203.0.113.1:80": [method],
                // Its port is another than the endpoints'.
                "tcp 192.0.2.10:30080": ["masquerade"],
            ])
    }

    /// What is not translated must keep its source, too.
    @Test func nobodyIsMasqueradedWhereNothingIsTranslated() {
        let share = compiled(["forwarding": "direct"]).share
        #expect(sets(share, "10.96.0.10") == ["KUBE-EXTERNAL-IP-LOCAL"])
        #expect(sets(share, "198.51.100.1") == ["KUBE-EXTERNAL-IP-LOCAL"])
        #expect(sets(share, "203.0.113.1") == ["KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-LOCAL"])
        let usual = compiled([:]).share
        #expect(sets(usual, "10.96.0.10") == ["KUBE-CLUSTER-IP"] && sets(usual, "198.51.100.1") == ["KUBE-EXTERNAL-IP"])
    }

    @Test func anotherPortIsMasqueradedAndTold() throws {
        let result = compiled(["forwarding": "direct"], target: 8080)
        #expect(methods(result.share).values.allSatisfy { $0 == ["masquerade"] })
        #expect(lines(result.share) == lines(compiled([:], target: 8080).share))
        let problem = try #require(result.problems.first)
        #expect(result.problems.count == 1 && problem.message.contains("port 80"), "\(result.problems)")
        #expect(problem.place == "Service default/web, metadata.annotations[ipvs-agent.dev/forwarding]")
    }

    /// One annotation for each, good and then bad.
    @Test(arguments: [
        ("scheduler", "wlc", "wlcc"), ("scheduler-flags", "port", "prt"), ("weights", #"{"10.0.0.1": 7}"#, "seven"),
        ("weights", #"{"10.0.0.1": 7}"#, #"{"10.0.0.1": -7}"#), ("forwarding", "direct", "Direct"), ("one-packet", "true", "yes"),
        ("drain-timeout", "7s", "7"), ("slow-start", "7s", "soon"),
    ])
    func whatIsWrongLeavesWhatWasInForce(_ name: String, _ good: String, _ bad: String) {
        let before = compiled([name: good])
        let after = compiled([name: bad], previous: before.options)
        #expect(after.share == before.share && after.options == before.options)
        #expect(after.problems.contains { $0.place.hasSuffix("/\(name)]") && $0.message.contains("stays") }, "\(after.problems)")
        // It stays for as long as it is wrong, and goes with the annotation.
        #expect(compiled([name: bad], previous: after.options).share == before.share)
        #expect(compiled([:], previous: after.options).share == compiled([:]).share)
    }

    @Test func aTunnelThatIsWrongLeavesTheOneThatWas() {
        let before = compiled(["forwarding": "tunnel", "tunnel": "gue:6080"])
        let after = compiled(["forwarding": "tunnel", "tunnel": "geu:6080"], previous: before.options)
        #expect(after.share == before.share)
        #expect(after.problems.map(\.message).contains { $0.contains("did you mean gue:6080?") }, "\(after.problems)")
    }

    /// A module's own scheduler is named by the node's settings, not by whoever may edit a Service.
    @Test func theNodesOwnSchedulerMayBeNamed() throws {
        let mine = try #require(Scheduler(rawValue: "mine"))
        let compiler = compiler { $0.scheduler = mine }
        let result = compiler.compile(service(annotations: ["scheduler": "mine"]), slices: [])
        #expect(result.problems == [] && result.share?.virtualServers.values.first?.configuration.scheduler == mine)
    }
}
