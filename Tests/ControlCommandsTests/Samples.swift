import IPVS
import NodeModel
import Telemetry

@testable import ControlCommands

/// A fixed state of a node, which the golden outputs show.
enum Samples {
    static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(ipv4: 0) }

    static let web = VirtualServer.Key.address(ip("10.96.0.10"), port: 80, .tcp)
    static let dns = VirtualServer.Key.address(ip("fd00:10:96::a"), port: 53, .udp)
    static let mark = VirtualServer.Key.firewallMark(7, .ipv4)
    /// One that the agent wants and that does not stand.
    static let missing = VirtualServer.Key.address(ip("10.96.0.99"), port: 53, .udp)
    static let noon = Moment(millisecondsSince1970: 1_772_366_400_000)

    static var statistics: TrafficStatistics {
        var statistics = TrafficStatistics()
        (statistics.connections, statistics.incomingPackets, statistics.outgoingBytes) = (12, 60, 123_456_789_012)
        return statistics
    }

    static var table: [(ObservedVirtualServer, [ObservedRealServer])] {
        let sticky = VirtualServer.Configuration(
            scheduler: .maglevHashing, schedulerFlags: .port, persistence: .init(timeout: 600, granularity: .prefixLength(64)))
        let real = [
            ObservedRealServer(
                server: RealServer(.init(ip("10.244.0.2"), port: 8080), .init(weight: 0)), statistics: statistics,
                connections: ConnectionCounts(active: 3, inactive: 4, persistent: 1)),
            ObservedRealServer(
                server: RealServer(
                    .init(ip("10.244.0.3"), port: 8080),
                    .init(
                        forwarding: .tunnel(Tunnel(.gue(port: 6080), checksum: .remote)), weight: 5, upperThreshold: 100, lowerThreshold: 50
                    )),
                statistics: TrafficStatistics(), connections: ConnectionCounts()),
        ]
        return [
            (ObservedVirtualServer(server: VirtualServer(web, .init(scheduler: .roundRobin)), statistics: statistics), real),
            (ObservedVirtualServer(server: VirtualServer(dns, sticky), statistics: TrafficStatistics()), []),
            (
                ObservedVirtualServer(
                    server: VirtualServer(
                        mark, .init(scheduler: .roundRobin, persistence: .init(timeout: 5, granularity: .mask(0xff00_ff00)))),
                    statistics: TrafficStatistics()), []
            ),
        ]
    }

    static var knowledge: AgentKnowledge {
        AgentKnowledge([
            ServiceReport(
                name: "default/web", labels: ["app": "web", "tier": "front"], addresses: ["10.96.0.10"],
                virtualServers: [
                    VirtualServerReport(
                        address: "10.96.0.10", port: 80, protocol: "tcp", scheduler: "rr", state: .different,
                        realServers: [
                            RealServerReport(address: "10.244.0.2", port: 8080, weight: 1, forwarding: "masquerade", state: .different),
                            RealServerReport(address: "10.244.0.9", port: 8080, weight: 1, forwarding: "masquerade", state: .missing),
                        ])
                ]),
            ServiceReport(
                name: "kube-system/dns", labels: [:], addresses: ["10.96.0.99"],
                virtualServers: [VirtualServerReport(address: "10.96.0.99", port: 53, protocol: "udp", scheduler: "rr", state: .missing)]),
        ])
    }

    /// What people have said: of an endpoint, of an address with all its Services, and of Services.
    static let hands = HandBook([
        HandReport(scope: "service", key: "default/web", state: "ready", reason: "probes are wrong", since: noon),
        HandReport(
            scope: "address", key: "10.244.0.2", state: "drain", reason: "new disk", owner: "ann", since: noon,
            expires: noon.advanced(by: .seconds(3600))),
        HandReport(
            scope: "endpoint", key: "default/web/10.244.0.2:8080", state: "weight", weight: 40, over: 600, reached: 12.5, owner: "ipvsctl",
            since: noon),
        HandReport(scope: "endpoint", key: "default/web/10.244.0.3:8080", state: "maintenance", owner: "bob", since: noon),
        HandReport(scope: "address", key: "10.244.0.9", state: "maintenance", since: noon),
    ])

    static let drains = [
        DrainReport(
            service: "default/web", virtualServer: "tcp 10.96.0.10:80", realServer: "10.244.0.2:8080", reason: "drained by hand",
            since: noon,
            deadline: noon.advanced(by: .seconds(900)), waitsFor: ["active", "persistent"], active: 3, inactive: 4, persistent: 1),
        DrainReport(
            service: "default/gone", virtualServer: "tcp [fd00:10:96::b]:443", realServer: "[fd00:10:244::7]:8443",
            reason: "the Service is gone", since: noon, deadline: noon.advanced(by: .seconds(30)), waitsFor: ["active"]),
    ]

    static let health = HealthDocument(
        time: noon, policies: ["web"], count: 3, down: 1,
        items: [
            ProbeReport(
                address: "10.244.0.2", port: 8080, check: "http", verdict: "down", reason: "status 503", since: noon, hindrance: nil,
                services: ["default/web"]),
            ProbeReport(
                address: "fd00:10:244::3", port: 53, check: "dns", mark: 5, verdict: "unknown", reason: nil, since: noon,
                hindrance: "no route", services: ["kube-system/dns"]),
            ProbeReport(
                address: "10.244.0.4", port: nil, check: "icmp", verdict: "up", reason: nil, since: noon, hindrance: nil,
                services: ["default/api", "default/other"]),
        ], impaired: [ImpairedServer(service: "default/web", virtualServer: "tcp 10.96.0.10:80", mode: "panic")])

    static var silence: AgentKnowledge {
        var knowledge = AgentKnowledge()
        knowledge.absence = "no agent answers on /run/ipvs-agent/agent.sock"
        return knowledge
    }

    static func services(_ knowledge: AgentKnowledge) -> ItemList<ServiceItem> {
        let items = table.map { ServiceItem($0, realServers: $1, knowledge) }
        return ItemList(items: items + ServiceItem.missing(knowledge, standing: Set(items.map(\.key))), notes: knowledge.notes)
    }

    static func servers(_ knowledge: AgentKnowledge) -> ItemList<ServerItem> {
        ItemList(
            items: table.flatMap { server, real in
                real.map { ServerItem(key: server.server.key, service: knowledge[server.server.key]?.service, observed: $0) }
            }, notes: knowledge.notes)
    }

    static var list: [VirtualServer.Key: VirtualServerState] {
        Dictionary(
            uniqueKeysWithValues: table.map { server, real in
                (
                    server.server.key,
                    VirtualServerState(
                        server.server.configuration,
                        realServers: Dictionary(uniqueKeysWithValues: real.map { ($0.server.key, $0.server.configuration) }))
                )
            })
    }
}
