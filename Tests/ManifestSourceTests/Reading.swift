import ManifestSource
import ServiceModel

/// A Service with its `spec` given, four spaces deep, from line 6 on.
func service(_ spec: String, metadata: String = "") -> String {
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\(metadata)\nspec:\n\(indent(spec))\n"
}

/// A slice with its own fields given, from line 7 on.
func slice(_ fields: String) -> String {
    """
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata:
      name: web-1
      labels: {kubernetes.io/service-name: web}
    \(fields)

    """
}

private func indent(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(separator: "\n")
}

extension ManifestReader {
    /// What is wrong with a text, as a person reads it.
    func problems(_ text: String) -> [String] { read(text, file: "web.yaml").problems.map(\.description) }

    func objects(_ text: String) -> [SourceObject] { read(text, file: "web.yaml").entries.compactMap(\.object) }

    func service(_ text: String) -> Service? {
        guard case .service(let service)? = objects(text).first else { return nil }
        return service
    }

    func slice(_ text: String) -> EndpointSlice? {
        guard case .endpointSlice(let slice)? = objects(text).first else { return nil }
        return slice
    }

    func node(_ text: String) -> ServiceModel.Node? {
        guard case .node(let node)? = objects(text).first else { return nil }
        return node
    }
}
