import Addresses
import ServiceModel
import Testing

@Suite struct ServiceCatalogTests {
    private let web = ObjectName(namespace: "default", name: "web")
    private let api = ObjectName(namespace: "default", name: "api")

    private func service(_ name: ObjectName, port: UInt16 = 80) -> SourceObject {
        .service(Service(name: name, clusterAddresses: [IPAddress(ipv4: 0x0a60_0001)], ports: [ServicePort(port: port)]))
    }

    private func slice(_ name: String, of service: ObjectName, endpoints: [UInt32] = [0x0af4_0002]) -> SourceObject {
        .endpointSlice(
            EndpointSlice(
                name: ObjectName(namespace: "default", name: name), service: service, family: .ipv4, ports: [EndpointPort(port: 8080)],
                endpoints: endpoints.map { Endpoint(address: IPAddress(ipv4: $0)) }))
    }

    @Test func aSliceTouchesItsService() {
        var catalog = ServiceCatalog()
        #expect(catalog.take(SourceUpdate(changed: [service(web), service(api)])).services == [web, api])
        #expect(catalog.take(SourceUpdate(changed: [slice("web-1", of: web)])).services == [web])
        #expect(catalog.slices(of: web).count == 1)
    }

    @Test func whatIsDeliveredAgainUnchangedTouchesNothing() {
        var catalog = ServiceCatalog()
        let all = SourceUpdate(changed: [service(web), slice("web-1", of: web), .node(Node(name: "n1"))])
        _ = catalog.take(all)
        #expect(catalog.take(all) == ServiceCatalog.Touched())
    }

    @Test func aSliceThatMovesTouchesBothServices() {
        var catalog = ServiceCatalog()
        _ = catalog.take(SourceUpdate(changed: [slice("s", of: web)]))
        #expect(catalog.take(SourceUpdate(changed: [slice("s", of: api)])).services == [web, api])
        #expect(catalog.slices(of: web).isEmpty)
        #expect(catalog.slices(of: api).count == 1)
    }

    @Test func removalTouchesOnce() {
        var catalog = ServiceCatalog()
        _ = catalog.take(SourceUpdate(changed: [service(web), slice("s", of: web), .node(Node(name: "n1"))]))
        let gone = SourceUpdate(removed: [
            .init(.service, web), .init(.endpointSlice, ObjectName(namespace: "default", name: "s")),
            .init(.node, ObjectName(namespace: "", name: "n1")),
        ])
        let touched = catalog.take(gone)
        #expect(touched.services == [web])
        #expect(touched.nodes == ["n1"])
        #expect(catalog.take(gone) == ServiceCatalog.Touched())
        #expect(catalog.services.isEmpty && catalog.slices(of: web).isEmpty)
    }

    @Test func slicesComeInTheOrderOfTheirNames() {
        var catalog = ServiceCatalog()
        _ = catalog.take(SourceUpdate(changed: ["c", "a", "b"].map { slice($0, of: web) }))
        #expect(catalog.slices(of: web).map(\.name.name) == ["a", "b", "c"])
    }
}
