import Addresses
import NodeModel
import ServiceCompiler
import ServiceModel

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

func net(_ text: String) -> IPPrefix {
    guard let prefix = IPPrefix(text) else { preconditionFailure("\(text) is no prefix") }
    return prefix
}

let web = ObjectName(namespace: "default", name: "web")

func service(
    _ addresses: [String] = ["10.96.0.10"], ports: [ServicePort] = [ServicePort(port: 80)], affinity: UInt32? = nil,
    policy: TrafficPolicy = .cluster, annotations: [String: String] = [:], type: ServiceType = .clusterIP, proxyName: String? = nil
) -> Service {
    Service(
        name: web, type: type, clusterAddresses: addresses.map(ip), ports: ports, affinityTimeout: affinity, internalTrafficPolicy: policy,
        proxyName: proxyName, annotations: annotations)
}

func slice(
    _ endpoints: [Endpoint], ports: [EndpointPort] = [EndpointPort(port: 8080)], family: AddressFamily = .ipv4, name: String = "web-1"
) -> EndpointSlice {
    EndpointSlice(name: ObjectName(namespace: "default", name: name), service: web, family: family, ports: ports, endpoints: endpoints)
}

func endpoint(
    _ address: String, ready: Bool = true, serving: Bool? = nil, terminating: Bool = false, node: String? = nil, zone: String? = nil,
    zoneHints: [String] = [], nodeHints: [String] = []
) -> Endpoint {
    Endpoint(
        address: ip(address), isReady: ready, isServing: serving, isTerminating: terminating, nodeName: node, zone: zone,
        zoneHints: zoneHints, nodeHints: nodeHints)
}

func compiler(_ change: (inout CompilerSettings) -> Void = { _ in }, zone: String? = "a") -> ServiceCompiler {
    var settings = CompilerSettings()
    change(&settings)
    return ServiceCompiler(settings: settings, node: NodeFacts(name: "n1", zone: zone))
}

/// A share as lines of text, so that a table can be read: virtual servers, real servers, then addresses and set entries.
func lines(_ share: NodeShare?) -> [String] {
    guard let share else { return ["none"] }
    var lines: [String] = []
    for (key, server) in share.virtualServers.sorted(by: { $0.key < $1.key }) {
        lines.append("\(key) \(server.configuration)")
        for (real, configuration) in server.realServers.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(real) \(configuration)")
        }
    }
    return lines + share.addresses.sorted().map { "address \($0)" } + share.members.map { "\($0)" }.sorted()
}
