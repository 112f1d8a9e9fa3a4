import Addresses
import ServiceCompiler
import ServiceModel
import Testing

@Suite struct LocalEndpointsTests {
    private static let here = endpoint("10.244.0.1", node: "n1")
    private static let there = endpoint("10.244.1.1", node: "n2")
    private static let leaving = endpoint("10.244.0.2", ready: false, serving: true, terminating: true, node: "n1")
    private static let dead = endpoint("10.244.0.3", ready: false, serving: false, node: "n1")

    @Test(
        arguments: [
            ([here, there], 1, false), ([there], 0, true), ([here, leaving], 1, false), ([leaving, there], 0, false),
            ([dead, there], 0, true),
            ([], 0, true),
        ] as [([Endpoint], Int, Bool)])
    func whatThisNodeHas(endpoints: [Endpoint], ready: Int, lacks: Bool) {
        var balanced = service(type: .loadBalancer)
        balanced.externalTrafficPolicy = .local
        let outside = compiler().localEndpoints(balanced, slices: [slice(endpoints)])
        #expect(outside?.ready == ready && outside?.lacksOutside == lacks && outside?.lacksInside == false)
        let inside = compiler().localEndpoints(service(policy: .local), slices: [slice(endpoints)])
        #expect(inside?.ready == ready && inside?.lacksInside == lacks && inside?.lacksOutside == false)
    }

    /// What the node itself takes out of service does not draw a load balancer's traffic here; that nothing here is ready is not said of it.
    @Test func whatIsOutOfServiceDoesNotCount() {
        var balanced = service(type: .loadBalancer)
        balanced.externalTrafficPolicy = .local
        let slices = [slice([Self.here, endpoint("10.244.0.9", node: "n1"), Self.there])]
        func found(_ out: String...) -> LocalEndpoints? {
            compiler().localEndpoints(balanced, slices: slices, outOfService: Set(out.map { IPAddress($0)! }))
        }
        #expect(found()?.ready == 2 && found("10.244.0.9")?.ready == 1 && found("10.244.1.1")?.ready == 2)
        #expect(found("10.244.0.9", "10.244.0.1")?.ready == 0 && found("10.244.0.9", "10.244.0.1")?.lacksOutside == false)
    }

    @Test func aPodOfTwoFamiliesIsOneEndpoint() {
        let slices = [slice([Self.here]), slice([endpoint("fd00::1", node: "n1")], family: .ipv6, name: "web-2")]
        #expect(compiler().localEndpoints(service(["10.96.0.10", "fd00:1::10"], policy: .local), slices: slices)?.ready == 1)
    }

    @Test func whereNoPolicyIsLocalNobodyAsks() {
        #expect(compiler().localEndpoints(service(), slices: [slice([Self.here])]) == nil)
        var clusterOnly = service()
        clusterOnly.externalTrafficPolicy = .local
        #expect(compiler().localEndpoints(clusterOnly, slices: []) == nil)
        #expect(compiler().localEndpoints(service([], policy: .local), slices: []) == nil)
        #expect(compiler().localEndpoints(service(policy: .local, proxyName: "other"), slices: []) == nil)
    }
}
