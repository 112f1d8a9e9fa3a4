import Foundation

/// A Service and its endpoints, as the documents that Kubernetes would have of them.
struct ServiceManifest {
    struct Port {
        var number: UInt16
        var target: UInt16
        var transport = "TCP"
        var nodePort: UInt16?

        static let http = Port(number: 80, target: 8080)
        static let echo = Port(number: 7, target: 7)
        static let datagram = Port(number: 53, target: 53, transport: "UDP")
        static let sctp = Port(number: 9, target: 9, transport: "SCTP")

        var name: String { "\(transport.lowercased())-\(number)" }
    }

    var name = "web"
    var addresses = ["10.96.0.20"]
    var ports: [Port] = [.http, .echo]
    var endpoints = Topology.endpoints4
    /// Without the prefix `ipvs-agent.dev/`.
    var annotations: [String: String] = [:]
    var labels: [String: String] = [:]
    var affinitySeconds: Int?
    var exposure = Exposure()
    var internalPolicy = "Cluster"

    /// At what it is reached beside its cluster addresses and the node ports of its ports.
    struct Exposure {
        var policy = "Cluster"
        var externalAddresses: [String] = []
        var loadBalancerAddresses: [String] = []
        var sourceRanges: [String] = []
        var healthCheckNodePort: UInt16?
    }

    /// The documents as YAML; an EndpointSlice for each family.
    var text: String {
        let families = ["IPv4", "IPv6"].filter { family in addresses.contains { Self.family($0) == family } }
        return ([service] + families.map(slice)).joined(separator: "---\n")
    }

    private var service: String {
        var lines = ["apiVersion: v1", "kind: Service", "metadata:", "  name: \(name)", "  namespace: default"]
        if !labels.isEmpty { lines += ["  labels:"] + labels.sorted { $0.key < $1.key }.map { "    \($0.key): '\($0.value)'" } }
        if !annotations.isEmpty {
            lines += ["  annotations:"] + annotations.sorted { $0.key < $1.key }.map { "    ipvs-agent.dev/\($0.key): '\($0.value)'" }
        }
        lines += ["spec:", "  type: \(type)", "  clusterIP: \"\(addresses[0])\"", "  clusterIPs: \(Self.list(addresses))"]
        if let affinitySeconds {
            lines += ["  sessionAffinity: ClientIP", "  sessionAffinityConfig: {clientIP: {timeoutSeconds: \(affinitySeconds)}}"]
        }
        lines += ["  internalTrafficPolicy: \(internalPolicy)"]
        if type != "ClusterIP" || !exposure.externalAddresses.isEmpty { lines += ["  externalTrafficPolicy: \(exposure.policy)"] }
        if !exposure.externalAddresses.isEmpty { lines += ["  externalIPs: \(Self.list(exposure.externalAddresses))"] }
        if !exposure.sourceRanges.isEmpty { lines += ["  loadBalancerSourceRanges: \(Self.list(exposure.sourceRanges))"] }
        if let port = exposure.healthCheckNodePort { lines += ["  healthCheckNodePort: \(port)"] }
        if type == "LoadBalancer" { lines += ["  allocateLoadBalancerNodePorts: false"] }
        lines += ["  ports:"]
        for port in ports {
            let nodePort = port.nodePort.map { ", nodePort: \($0)" } ?? ""
            lines += [
                "    - {name: \(port.name), protocol: \(port.transport), port: \(port.number), targetPort: \(port.target)\(nodePort)}"
            ]
        }
        if type == "LoadBalancer" {
            lines += ["status:", "  loadBalancer:", "    ingress:"] + exposure.loadBalancerAddresses.map { "      - ip: \"\($0)\"" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var type: String {
        if !exposure.loadBalancerAddresses.isEmpty { return "LoadBalancer" }
        return ports.contains { $0.nodePort != nil } ? "NodePort" : "ClusterIP"
    }

    private func slice(_ family: String) -> String {
        var lines = [
            "apiVersion: discovery.k8s.io/v1", "kind: EndpointSlice", "metadata:", "  name: \(name)-\(family.lowercased())",
            "  namespace: default", "  labels: {kubernetes.io/service-name: \(name)}", "addressType: \(family)", "ports:",
        ]
        lines += ports.map { "  - {name: \($0.name), protocol: \($0.transport), port: \($0.target)}" }
        let own = endpoints.filter { Self.family($0) == family }
        lines += own.isEmpty ? ["endpoints: []"] : ["endpoints:"]
        for address in own {
            let isFirst = address.hasPrefix("10.244.0.") || address.hasPrefix("fd00:10:244::")
            lines.append("  - {addresses: [\"\(address)\"], nodeName: \(isFirst ? "n1" : "n2"), conditions: {ready: true}}")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func family(_ address: String) -> String { address.contains(":") ? "IPv6" : "IPv4" }
    private static func list(_ texts: [String]) -> String { "[\(texts.map { "\"\($0)\"" }.joined(separator: ", "))]" }
}

/// A directory of manifests that an agent follows.
struct ManifestDirectory {
    let path: String

    init(_ path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Writes a file whole, as editors and Kubernetes do: beside it, and then in its place.
    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path + "/" + name), options: .atomic)
    }

    func write(_ service: ServiceManifest) throws { try write(service.text, to: service.name + ".yaml") }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }
}
