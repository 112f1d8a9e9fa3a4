import Addresses
import ServiceModel

/// Reads at what a Service is reached from outside the cluster, and by whom (`ValidateService` and `validateServiceExternalTrafficPolicy`
/// in the API server).
struct ExposureDecoding {
    let type: ServiceType

    struct Exposure {
        var policy = TrafficPolicy.cluster
        var externalAddresses: [IPAddress] = []
        var loadBalancerAddresses: [IPAddress] = []
        var sourceRanges: [IPPrefix] = []
        var healthCheckNodePort: UInt16?
        var needsNodePorts = false

        /// Each port has an entry for each address and each range: a document of a few megabytes could ask for billions.
        func checkSize(ports: Int, _ spec: Fields) {
            let entries = ports * (externalAddresses.count + loadBalancerAddresses.count * (1 + sourceRanges.count))
            if entries > 1_000_000 {
                spec["ports"].error("with all addresses and source ranges \(entries) entries; at most 1000000")
            }
        }
    }

    func decode(_ spec: Fields, status: FieldReader) -> Exposure {
        var exposure = Exposure()
        for (text, reader) in bounded(spec["externalIPs"]) {
            if let address = reader.serviceAddress(text), !exposure.externalAddresses.contains(address) {
                exposure.externalAddresses.append(address)
            }
        }
        exposure.loadBalancerAddresses = ingress(status)
        exposure.sourceRanges = sourceRanges(spec["loadBalancerSourceRanges"])
        exposure.needsNodePorts = type == .nodePort || type == .loadBalancer && allocatesNodePorts(spec)
        let isExposed = type == .nodePort || type == .loadBalancer || type == .clusterIP && !exposure.externalAddresses.isEmpty
        let policy = spec["externalTrafficPolicy"]
        if let word = policy.word(TrafficPolicy.self) {
            if isExposed {
                exposure.policy = word
            } else {
                policy.error("a Service without node ports, load balancer or external address has none; leave this out")
            }
        }
        let hasHealthCheck = type == .loadBalancer && exposure.policy == .local
        let port = spec["healthCheckNodePort"]
        if port.isPresent, port.meaning != .integer(0), let number = port.integer(in: 1...65535, "port number") {
            if hasHealthCheck {
                exposure.healthCheckNodePort = UInt16(number)
            } else {
                port.error("only a LoadBalancer with externalTrafficPolicy Local has one; leave this out")
            }
        }
        return exposure
    }

    private func allocatesNodePorts(_ spec: Fields) -> Bool { spec["allocateLoadBalancerNodePorts"].boolean() ?? true }

    private func sourceRanges(_ reader: FieldReader) -> [IPPrefix] {
        let texts = bounded(reader)
        guard type == .loadBalancer else {
            if !texts.isEmpty { reader.error("only a LoadBalancer has source ranges; leave this out") }
            return []
        }
        var ranges: [IPPrefix] = []
        for (text, item) in texts {
            // The API server and kube-proxy pass over blanks around a range.
            let trimmed = String(
                text.unicodeScalars.drop { $0.properties.isWhitespace }.reversed().drop { $0.properties.isWhitespace }
                    .reversed().map(Character.init))
            if let range = IPPrefix(trimmed) {
                ranges.append(range)
            } else {
                item.error("\"\(item.shown(text))\" is not a range such as 203.0.113.0/24")
            }
        }
        return ranges
    }

    private enum Mode: String, CaseIterable {
        case virtualAddress = "VIP"
        case proxy = "Proxy"
    }

    private func ingress(_ status: FieldReader) -> [IPAddress] {
        guard let list = status.fields()?["loadBalancer"].fields()?["ingress"] else { return [] }
        let items = list.items()
        guard items.count <= Self.maximum else {
            list.error("\(items.count) entries; at most \(Self.maximum)")
            return []
        }
        if type != .loadBalancer, !items.isEmpty {
            list.warn("only a LoadBalancer has such addresses; they are ignored")
            return []
        }
        var addresses: [IPAddress] = []
        for item in items {
            guard let fields = item.fields() else { continue }
            let mode = fields["ipMode"].word(Mode.self)
            // A host name is for clients to look up.
            guard let text = fields["ip"].string(), !text.isEmpty else { continue }
            // With `Proxy` packets come with an address of the node, and this one is nothing to it (KEP-1860).
            if let address = fields["ip"].serviceAddress(text), mode != .proxy, !addresses.contains(address) { addresses.append(address) }
        }
        return addresses
    }

    private static let maximum = 1000

    private func bounded(_ reader: FieldReader) -> [(text: String, reader: FieldReader)] {
        let texts = reader.strings()
        guard texts.count <= Self.maximum else {
            reader.error("\(texts.count) entries; at most \(Self.maximum)")
            return []
        }
        return texts
    }
}
