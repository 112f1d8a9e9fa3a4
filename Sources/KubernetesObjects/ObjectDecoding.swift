package import ServiceModel

/// Decodes one object of a known kind: its name first, so that whatever is wrong afterwards can be told of whom.
package struct ObjectDecoding {
    let kind: SourceObject.Kind
    let fields: Fields
    let nodePorts: ClosedRange<UInt16>

    /// - Parameters:
    ///   - kind: what the object is said to be.
    ///   - fields: the object's own.
    ///   - nodePorts: the node ports that a Service may ask for (`--service-node-port-range` of kube-apiserver).
    package init(kind: SourceObject.Kind, fields: Fields, nodePorts: ClosedRange<UInt16>) {
        self.kind = kind
        self.fields = fields
        self.nodePorts = nodePorts
    }

    /// The version in which a kind is read; nil where it is not.
    package static func version(of kind: String) -> String? {
        switch kind {
        case "Service", "Node": "v1"
        case "EndpointSlice": "discovery.k8s.io/v1"
        case "HealthPolicy", "VirtualServer": "ipvs-agent.dev/v1alpha1"
        default: nil
        }
    }

    package enum Outcome {
        case decoded(SourceObject)
        /// Something is wrong; the report says what.
        case bad
        /// A good object that this agent leaves alone.
        case notOurs
    }

    /// The object's kind and name, nil where they cannot be read, and what it comes to. What is wrong is in the fields' report.
    package func decode() -> (SourceObject.Key?, Outcome) {
        let metadata = fields["metadata"].fields()
        guard let metadata else {
            if !fields["metadata"].isPresent { fields["metadata"].error("missing: an object needs metadata.name") }
            return (nil, .bad)
        }
        guard let name = metadata["name"].name(kind == .service ? .label : .subdomain) else {
            if !metadata["name"].isPresent { metadata["name"].error("missing: an object needs a name") }
            return (nil, .bad)
        }
        var namespace = ""
        let isNamespaced = kind != .node && kind != .healthPolicy
        if isNamespaced, metadata["namespace"].isPresent {
            guard let given = metadata["namespace"].name(.label) else { return (nil, .bad) }
            namespace = given
        } else if isNamespaced {
            // As kubectl does where no other namespace was configured.
            namespace = "default"
        }
        let key = SourceObject.Key(kind, ObjectName(namespace: namespace, name: name))
        fields.reader.report.object = key
        return (key, decode(key.name, Metadata(metadata)))
    }

    private func decode(_ name: ObjectName, _ metadata: Metadata) -> Outcome {
        switch kind {
        case .service:
            return ServiceDecoding(name: name, metadata: metadata, nodePorts: nodePorts).decode(fields["spec"], status: fields["status"])
                .map { .decoded(.service($0)) } ?? .bad
        case .node:
            return .decoded(.node(NodeDecoding(name: name.name, metadata: metadata).decode(fields)))
        case .healthPolicy:
            if metadata.fields["namespace"].isPresent { metadata.fields["namespace"].error("a HealthPolicy is in no namespace") }
            return HealthPolicyDecoding(name: name.name).decode(fields["spec"]).map { .decoded(.healthPolicy($0)) } ?? .bad
        case .endpointSlice:
            switch EndpointSliceDecoding(name: name, metadata: metadata).decode(fields) {
            case .decoded(let slice): return .decoded(.endpointSlice(slice))
            case .bad: return .bad
            case .notOurs: return .notOurs
            }
        case .virtualServer:
            // Its decoder is that of tables, which `ManifestSource` has.
            return .notOurs
        }
    }
}

/// The metadata that matters here.
package struct Metadata {
    package let fields: Fields
    private let labels: Fields?

    package init(_ fields: Fields) {
        self.fields = fields
        labels = fields["labels"].fields()
    }

    /// A label's value; nil where the object has no such label.
    func label(_ name: String) -> String? { labels?[name].string() }

    func hasLabel(_ name: String) -> Bool { labels?[name].isPresent ?? false }

    package func allLabels() -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in labels?.all ?? [] { result[name] = value.string() }
        return result
    }

    /// The place of a label, for a problem about it.
    func labelReader(_ name: String) -> FieldReader { labels?[name] ?? fields["labels"] }

    /// `creationTimestamp` in seconds since 1970.
    package func created() -> Int64? {
        let reader = fields["creationTimestamp"]
        // An unquoted timestamp is a string here: YAML 1.1's own type for it is not one of JSON's.
        guard let text = reader.string() else { return nil }
        if let seconds = Timestamp.seconds(text) { return seconds }
        reader.error("\"\(reader.shown(text))\" is not a time such as 2026-11-21T00:23:06Z")
        return nil
    }

    /// Annotations under a prefix, without it.
    func annotations(under prefix: String) -> [String: String] {
        var result: [String: String] = [:]
        guard let annotations = fields["annotations"].fields() else { return [:] }
        for (name, value) in annotations.all where name.hasPrefix(prefix) {
            if !value.isPresent { value.error("null where a string is wanted") }
            if let text = value.string() { result[String(name.dropFirst(prefix.count))] = text }
        }
        return result
    }
}
