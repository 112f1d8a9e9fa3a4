import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

/// What holds of any Service with any slices.
@Suite struct CompilerPropertyTests {
    /// A Service with its slices, on a node of three.
    struct Case {
        var service: Service
        var slices: [EndpointSlice]
        var compiler: ServiceCompiler

        init(_ random: inout SeededGenerator) {
            func flip() -> Bool { Bool.random(using: &random) }
            func some<Element>(_ elements: [Element]) -> [Element] { elements.filter { _ in flip() } }
            let families = [["10.96.0.10"], ["fd00:10:96::a"], ["10.96.0.10", "fd00:10:96::a"]].randomElement(using: &random) ?? []
            let names = ["", "a", "b"]
            var ports: [ServicePort] = []
            for index in some([0, 1, 2]) {
                let nodePort: UInt16? = flip() ? 30080 + UInt16(index) : nil
                ports.append(
                    ServicePort(
                        name: names[index], transport: TransportProtocol.allCases[index], port: 80 + UInt16(index), nodePort: nodePort))
            }
            service = anyService(families, ports: ports, type: .loadBalancer)
            service.internalTrafficPolicy = flip() ? .cluster : .local
            service.externalTrafficPolicy = flip() ? .cluster : .local
            service.affinityTimeout = flip() ? 600 : nil
            service.externalAddresses = some(["198.51.100.1", "2001:db8:51::1"]).map(ip)
            service.loadBalancerAddresses = some(["203.0.113.1", "2001:db8:203::1"]).map(ip)
            service.sourceRanges = some(["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32"]).map(net)
            slices = []
            for number in 0..<Int.random(in: 0...4, using: &random) {
                let family: AddressFamily = flip() ? .ipv4 : .ipv6
                var endpoints: [Endpoint] = []
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    let host = Int.random(in: 1...5, using: &random)
                    let address = family == .ipv4 ? "10.244.0.\(host)" : "fd00:10:244::\(host)"
                    let (zones, nodes) = (some(["a", "b"]), some(["n1", "n2"]))
                    endpoints.append(
                        endpoint(
                            address, ready: flip(), serving: flip(), terminating: flip(), node: ["n1", "n2", "n3"][host % 3],
                            zoneHints: zones, nodeHints: nodes))
                }
                var slicePorts: [EndpointPort] = []
                for index in some([0, 1, 2]) {
                    slicePorts.append(
                        EndpointPort(name: names[index], transport: TransportProtocol.allCases[index], port: 8080 + UInt16(index)))
                }
                slices.append(slice(endpoints, ports: slicePorts, family: family, name: "web-\(number)"))
            }
            compiler = ServiceCompiler(settings: CompilerSettings(), node: NodeFacts(name: "n1", zone: "a"))
            compiler.node.addresses = Set(["192.0.2.10", "2001:db8:1::10"].map(ip))
            compiler.node.namedAddresses = ["192.0.2.10", "2001:db8:1::10"].map(ip)
        }

        var marks: [MarkPurpose: UInt32] {
            let ports = compiler.marks(neededBy: service).sorted().enumerated()
            return Dictionary(uniqueKeysWithValues: ports.map { ($1, 0x1000_0001 + UInt32($0)) })
        }

        var share: NodeShare? { compiler.compile(service, slices: slices, marks: marks).share }
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func orderAndDuplicatesOfSlicesDecideNothing(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var one = Case(&random)
        // What the API promises of one endpoint in several slices is that the one that stays is true; here all conditions are alike.
        for index in one.slices.indices {
            for place in one.slices[index].endpoints.indices {
                let endpoint = one.slices[index].endpoints[place]
                let host = Int(endpoint.address.byte(at: endpoint.address.family.byteCount - 1))
                one.slices[index].endpoints[place] = ServiceModel.Endpoint(
                    address: endpoint.address, isReady: host % 2 == 0, isServing: host % 3 != 0, isTerminating: host % 2 == 1,
                    nodeName: endpoint.nodeName, zone: nil, zoneHints: ["a"], nodeHints: host == 4 ? [] : ["n1"])
            }
        }
        let share = one.share
        one.slices.shuffle(using: &random)
        one.slices += one.slices.prefix(2)
        for index in one.slices.indices { one.slices[index].endpoints.shuffle(using: &random) }
        for index in one.slices.indices { one.slices[index].ports.shuffle(using: &random) }
        #expect(one.share == share)
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func policiesHold(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let one = Case(&random)
        let share = try #require(one.share)
        let local = Set(one.slices.flatMap(\.endpoints).filter { $0.nodeName == "n1" }.map(\.address))
        let all = Set(one.slices.flatMap(\.endpoints).map(\.address))
        let cluster = Set(one.service.clusterAddresses)
        let members = share.membersOfServers.values.reduce(into: Set<SetMember>()) { $0.formUnion($1) }
        for (key, server) in share.virtualServers {
            let servers = Set(server.realServers.keys.map(\.address))
            #expect(servers.allSatisfy { $0.family == key.family } && servers.isSubset(of: all))
            let isCluster = key.address.map(cluster.contains) ?? false
            let policy = isCluster ? one.service.internalTrafficPolicy : key.address == nil ? .cluster : one.service.externalTrafficPolicy
            if policy == .local { #expect(servers.isSubset(of: local), "\(key)") }
            if case .firewallMark = key { #expect(one.service.externalTrafficPolicy == .local && server.configuration.persistence == nil) }
            guard case .address(let address, let port, let transport) = key, !isCluster else { continue }
            // Dropped exactly where Local has nothing here; and then inside traffic has a way wherever anything serves.
            let drop = SetMember(SetKey(.noLocalEndpoint, key.family), .addressPort(address, port, transport))
            #expect(members.contains(drop) == (policy == .local && servers.isEmpty))
            let marks = members.compactMap { member -> UInt32? in
                guard member.set == SetKey(.insideMark, key.family),
                    case .addressPortMark(address, port, transport, let mark) = member.entry
                else { return nil }
                return mark
            }
            #expect(marks.count == (policy == .local ? 1 : 0))
            for mark in marks {
                let short = try #require(share.virtualServers[.firewallMark(mark, key.family)], "a mark without its virtual server")
                // All that serve here serve inside traffic too, but for those that are left because they terminate or a hint says otherwise.
                #expect(servers.isEmpty || !short.realServers.isEmpty)
            }
        }
        #expect(members.allSatisfy { $0.entry.fits($0.set) } && share.members.allSatisfy { $0.entry.fits($0.set) })
    }
}

private func anyService(_ addresses: [String], ports: [ServicePort], type: ServiceType) -> Service {
    service(addresses, ports: ports, type: type)
}
