import Addresses
import ServiceModel

/// Reads a Service's ports.
struct ServicePortDecoding {
    let nodePorts: ClosedRange<UInt16>
    let type: ServiceType
    /// Whether each port must name a node port.
    let needsNodePorts: Bool

    /// The ports that are good. The list may be empty only for a headless Service or an external name.
    func decode(_ reader: FieldReader, isOptional: Bool) -> [ServicePort] {
        let items = reader.items()
        if items.isEmpty, !isOptional, !reader.report.hasErrors {
            reader.error("missing: a Service needs at least one port")
        }
        // Not a limit of the API, but of its object's size; a Service has a handful.
        if items.count > 10_000 {
            reader.error("\(items.count) ports; at most 10000")
            return []
        }
        var ports: [ServicePort] = []
        var names: [String: Int] = [:]
        var numbers: [PortKey: Int] = [:]
        var nodePortsSeen: [PortKey: Int] = [:]
        for (index, item) in items.enumerated() {
            guard let fields = item.fields() else {
                if !item.isPresent { item.error("an empty entry") }
                continue
            }
            let name = fields["name"].optionalName(.label)
            if name == "", items.count > 1 {
                fields["name"].error("missing: every port needs a name where there are several")
            } else if let name, let other = names.updateValue(index, forKey: name) {
                fields["name"].error("\"\(name)\" is already the name of ports[\(other)]")
            }
            let transport = fields["protocol"].transport()
            let port = fields["port"].integer(in: 1...65535, "port number")
            if !fields["port"].isPresent { fields["port"].error("missing: the port to listen on") }
            if let transport, let port, let other = numbers.updateValue(index, forKey: PortKey(transport, port)) {
                fields["port"].error("\(port)/\(transport) is already the port of ports[\(other)]")
            }
            checkTarget(fields["targetPort"])
            let nodePort = nodePort(fields["nodePort"])
            if let nodePort, let transport,
                let other = nodePortsSeen.updateValue(index, forKey: PortKey(transport, nodePort))
            {
                fields["nodePort"].error("\(nodePort)/\(transport) is already the node port of ports[\(other)]")
            }
            if let name, let transport, let port {
                ports.append(ServicePort(name: name, transport: transport, port: UInt16(port), nodePort: nodePort.map { UInt16($0) }))
            }
        }
        return ports
    }

    private struct PortKey: Hashable {
        let transport: TransportProtocol
        let number: Int64

        init(_ transport: TransportProtocol, _ number: Int64) {
            self.transport = transport
            self.number = number
        }
    }

    /// A target port is a number, or a name that slices have already been resolved by; it only has to be well-formed.
    private func checkTarget(_ reader: FieldReader) {
        guard reader.isPresent else { return }
        switch reader.meaning {
        case nil: reader.error("neither a port number nor a port name")
        case .string: _ = reader.name(.portName)
        default: _ = reader.integer(in: 1...65535, "port number")
        }
    }

    /// A node port that was asked for; 0 asks for none, as in the API.
    private func nodePort(_ reader: FieldReader) -> Int64? {
        guard reader.isPresent, reader.meaning != .integer(0) else {
            if needsNodePorts {
                let remedy = type == .loadBalancer ? ", or set allocateLoadBalancerNodePorts to false" : ""
                reader.error("missing: nothing is allocated here; give one of \(nodePorts.lowerBound)…\(nodePorts.upperBound)\(remedy)")
            }
            return nil
        }
        let number = reader.integer(
            in: Int64(nodePorts.lowerBound)...Int64(nodePorts.upperBound), "node port")
        if number != nil, type == .clusterIP || type == .externalName {
            reader.error("a \(type.rawValue) Service has no node ports; set type to NodePort or LoadBalancer, or leave this out")
            return nil
        }
        return number
    }
}

extension FieldReader {
    /// The value as a transport protocol, TCP where it is left out; nil where it is another.
    func transport() -> TransportProtocol? {
        guard isPresent else { return .tcp }
        guard let text = string() else { return nil }
        // The API knows the names in capitals only.
        if !text.isEmpty, text == text.uppercased(), let transport = TransportProtocol(name: text) { return transport }
        error("\"\(shown(text))\" is none of TCP, UDP, SCTP")
        return nil
    }
}
