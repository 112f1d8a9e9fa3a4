import Addresses
import ServiceModel

/// Decodes a `discovery.k8s.io/v1` EndpointSlice and checks it as the API server does (`ValidateEndpointSlice`).
struct EndpointSliceDecoding {
    let name: ObjectName
    let metadata: Metadata

    enum Outcome {
        case decoded(EndpointSlice)
        case bad
        /// Of a headless Service, of none, or of names instead of addresses.
        case notOurs
    }

    /// The API's bounds (`maxEndpoints`, and 100 ports before Kubernetes 1.33).
    private static let maximumEndpoints = 1000
    private static let maximumPorts = 100

    func decode(_ fields: Fields) -> Outcome {
        // kube-proxy leaves these out by a selector, without a word.
        if metadata.hasLabel("service.kubernetes.io/headless") { return .notOurs }
        let ownerLabel = "kubernetes.io/service-name"
        guard let owner = metadata.label(ownerLabel), !owner.isEmpty else {
            if fields.reader.report.hasErrors { return .bad }
            metadata.labelReader(ownerLabel).warn("without the label \(ownerLabel) the slice belongs to no Service and is ignored")
            return .notOurs
        }
        let typeReader = fields["addressType"]
        let family: AddressFamily
        switch typeReader.string() {
        case "IPv4": family = .ipv4
        case "IPv6": family = .ipv6
        case "FQDN":
            typeReader.warn("endpoints by name cannot be balanced here; the slice is ignored")
            return .notOurs
        case let other?:
            typeReader.error("\"\(typeReader.shown(other))\" is none of IPv4, IPv6, FQDN")
            return .bad
        case nil:
            if !typeReader.isPresent { typeReader.error("missing: IPv4 or IPv6") }
            return .bad
        }
        let ports = ports(fields["ports"])
        let endpoints = endpoints(fields["endpoints"], family)
        guard !fields.reader.report.hasErrors else { return .bad }
        let service = ObjectName(namespace: name.namespace, name: owner)
        return .decoded(
            EndpointSlice(
                name: name, service: service, family: family, ports: ports, endpoints: endpoints, changeTriggered: changeTriggered))
    }

    /// Only for figures: one that is no time is as good as none.
    private var changeTriggered: Int64? {
        guard let annotations = metadata.fields["annotations"].fields() else { return nil }
        let reader = annotations["endpoints.kubernetes.io/last-change-trigger-time"]
        return reader.isPresent ? reader.string().flatMap(Timestamp.milliseconds) : nil
    }

    private func ports(_ reader: FieldReader) -> [EndpointPort] {
        let items = reader.items()
        guard items.count <= Self.maximumPorts else {
            reader.error("\(items.count) ports; at most \(Self.maximumPorts) in a slice")
            return []
        }
        var names: [String: Int] = [:]
        return items.enumerated().compactMap { index, item in
            guard let fields = item.fields() else {
                if !item.isPresent { item.error("an empty entry") }
                return nil
            }
            let transport = fields["protocol"].transport()
            let number = fields["port"].integer(in: 1...65535, "port number")
            let nameReader = fields["name"]
            let name = nameReader.isPresent ? nameReader.optionalName(.label) : nil
            if let name, let other = names.updateValue(index, forKey: name) {
                nameReader.error("\"\(name)\" is already the name of ports[\(other)]")
            }
            // Both are valid in the API, and kube-proxy ignores such a port: no number means all ports, no name means no port of a Service.
            if !nameReader.isPresent {
                nameReader.warn("missing, so that no port of the Service matches; the port is ignored (an unnamed port has the name \"\")")
                return nil
            }
            if !fields["port"].isPresent {
                fields["port"].warn("missing: a port without a number cannot be balanced; the port is ignored")
                return nil
            }
            guard let transport, let number, let name else { return nil }
            return EndpointPort(name: name, transport: transport, port: UInt16(number))
        }
    }

    private func endpoints(_ reader: FieldReader, _ family: AddressFamily) -> [Endpoint] {
        let items = reader.items()
        guard items.count <= Self.maximumEndpoints else {
            reader.error("\(items.count) endpoints; at most \(Self.maximumEndpoints) in a slice")
            return []
        }
        return items.compactMap { item in
            guard let fields = item.fields() else {
                if !item.isPresent { item.error("an empty entry") }
                return nil
            }
            let addresses = fields["addresses"]
            let first = address(addresses, family)
            let conditions = fields["conditions"].fields()
            let hints = fields["hints"].fields()
            let isReady = conditions?["ready"].boolean() ?? true
            let isServing = conditions?["serving"].boolean() ?? isReady
            let isTerminating = conditions?["terminating"].boolean() ?? false
            let nodeName = fields["nodeName"].name(.subdomain)
            let zone = fields["zone"].string()
            let zoneHints = hints.map { Self.names($0["forZones"]) } ?? []
            let nodeHints = hints.map { Self.names($0["forNodes"]) } ?? []
            guard let first else { return nil }
            return Endpoint(
                address: first, isReady: isReady, isServing: isServing, isTerminating: isTerminating, nodeName: nodeName, zone: zone,
                zoneHints: zoneHints, nodeHints: nodeHints)
        }
    }

    /// All addresses are checked, and the first is the endpoint's.
    private func address(_ reader: FieldReader, _ family: AddressFamily) -> IPAddress? {
        let texts = reader.strings()
        if texts.isEmpty, !reader.report.hasErrors || !reader.isPresent {
            reader.error("missing: an endpoint needs an address")
        }
        if texts.count > 100 {
            reader.error("\(texts.count) addresses; at most 100 of one endpoint")
            return nil
        }
        var first: IPAddress?
        for (text, item) in texts {
            guard let address = item.serviceAddress(text) else { continue }
            if address.family != family {
                item.error("\(address) is an \(address.family) address in a slice of \(family) addresses")
            } else if first == nil {
                first = address
            }
        }
        return first
    }

    private static func names(_ reader: FieldReader) -> [String] {
        reader.items().compactMap { $0.fields()?["name"].string() }
    }
}
