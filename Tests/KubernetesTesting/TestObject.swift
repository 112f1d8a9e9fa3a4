package import Foundation

/// A collection that the API server for tests serves.
package enum TestResource: String, Sendable, CaseIterable {
    case services = "/api/v1/services"
    case endpointSlices = "/apis/discovery.k8s.io/v1/endpointslices"
    case nodes = "/api/v1/nodes"

    package var kind: String {
        switch self {
        case .services: "Service"
        case .endpointSlices: "EndpointSlice"
        case .nodes: "Node"
        }
    }

    package var version: String { self == .endpointSlices ? "discovery.k8s.io/v1" : "v1" }
}

/// An object as the API server for tests keeps it.
package struct TestObject: Sendable, Equatable {
    package var resource: TestResource
    package var namespace: String
    package var name: String
    package var labels: [String: String]
    package var annotations: [String: String]
    /// The fields besides `kind`, `apiVersion` and `metadata`, as they stand in the JSON: `"spec":{…}`.
    package var body: String
    package var uid: String
    package internal(set) var resourceVersion = 0

    package init(
        _ resource: TestResource, namespace: String = "default", name: String, labels: [String: String] = [:],
        annotations: [String: String] = [:], body: String, uid: String? = nil
    ) {
        self.resource = resource
        self.namespace = resource == .nodes ? "" : namespace
        self.name = name
        self.labels = labels
        self.annotations = annotations
        self.body = body
        self.uid = uid ?? UUID().uuidString.lowercased()
    }

    /// Reads an object of any of the kinds, or the items of a list.
    package static func read(_ json: Data) -> [TestObject] {
        guard let document = try? JSONSerialization.jsonObject(with: json) as? [String: Any] else { return [] }
        if let items = document["items"] as? [[String: Any]] { return items.compactMap(read) }
        return read(document).map { [$0] } ?? []
    }

    private static func read(_ document: [String: Any]) -> TestObject? {
        guard let kind = document["kind"] as? String, let resource = TestResource.allCases.first(where: { $0.kind == kind }),
            let metadata = document["metadata"] as? [String: Any], let name = metadata["name"] as? String
        else { return nil }
        let rest = document.filter { !["kind", "apiVersion", "metadata"].contains($0.key) }
        guard let data = try? JSONSerialization.data(withJSONObject: rest, options: [.sortedKeys, .withoutEscapingSlashes]) else {
            return nil
        }
        return TestObject(
            resource, namespace: metadata["namespace"] as? String ?? "default", name: name,
            labels: metadata["labels"] as? [String: String] ?? [:], annotations: metadata["annotations"] as? [String: String] ?? [:],
            body: String(String(decoding: data, as: UTF8.self).dropFirst().dropLast()), uid: metadata["uid"] as? String)
    }

    /// The object's JSON as a watch has it; the items of a list have no kind.
    package func json(withKind: Bool = true) -> String {
        var metadata = ["\"name\":\"\(name)\""]
        if !namespace.isEmpty { metadata.append("\"namespace\":\"\(namespace)\"") }
        metadata += ["\"uid\":\"\(uid)\"", "\"resourceVersion\":\"\(resourceVersion)\"", "\"creationTimestamp\":\"2026-11-21T00:31:50Z\""]
        if !labels.isEmpty { metadata.append("\"labels\":\(Self.json(labels))") }
        if !annotations.isEmpty { metadata.append("\"annotations\":\(Self.json(annotations))") }
        let kind = withKind ? "\"kind\":\"\(resource.kind)\",\"apiVersion\":\"\(resource.version)\"," : ""
        return "{\(kind)\"metadata\":{\(metadata.joined(separator: ","))}\(body.isEmpty ? "" : ",")\(body)}"
    }

    private static func json(_ texts: [String: String]) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(texts)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

extension TestObject {
    package static func service(
        _ name: String, namespace: String = "default", address: String, port: Int = 80, labels: [String: String] = [:],
        annotations: [String: String] = [:]
    ) -> TestObject {
        TestObject(
            .services, namespace: namespace, name: name, labels: labels, annotations: annotations,
            body: """
                "spec":{"ports":[{"name":"http","protocol":"TCP","port":\(port),"targetPort":8080}],"clusterIP":"\(address)",\
                "clusterIPs":["\(address)"],"type":"ClusterIP","sessionAffinity":"None","ipFamilies":["IPv4"],\
                "ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"},"status":{"loadBalancer":{}}
                """)
    }

    package static func slice(
        _ name: String, of service: String, namespace: String = "default", addresses: [String], port: Int = 8080, node: String = "n2"
    ) -> TestObject {
        let endpoints = addresses.map {
            "{\"addresses\":[\"\($0)\"],\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false},\"nodeName\":\"\(node)\"}"
        }
        return TestObject(
            .endpointSlices, namespace: namespace, name: name, labels: ["kubernetes.io/service-name": service],
            body: """
                "addressType":"IPv4","endpoints":[\(endpoints.joined(separator: ","))],\
                "ports":[{"name":"http","protocol":"TCP","port":\(port)}]
                """)
    }

    package static func node(_ name: String, address: String = "192.0.2.10", zone: String = "a") -> TestObject {
        TestObject(
            .nodes, name: name, labels: ["topology.kubernetes.io/zone": zone],
            body: """
                "spec":{"podCIDR":"10.244.0.0/24","podCIDRs":["10.244.0.0/24"]},\
                "status":{"addresses":[{"type":"InternalIP","address":"\(address)"}]}
                """)
    }
}
