import Addresses
import ServiceModel

/// Decodes a `v1` Node.
struct NodeDecoding {
    let name: String
    let metadata: Metadata

    func decode(_ fields: Fields) -> Node {
        Node(
            name: name, addresses: addresses(fields["status"].fields()), podRanges: podRanges(fields["spec"].fields()),
            zone: metadata.label("topology.kubernetes.io/zone"), leaving: leaving(fields["spec"].fields()))
    }

    /// What kube-proxy takes a node out of load balancing for, too (https://kep.k8s.io/3836).
    private func leaving(_ spec: Fields?) -> String? {
        if metadata.fields["deletionTimestamp"].isPresent { return "the node is being deleted" }
        let taint = "ToBeDeletedByClusterAutoscaler"
        let isTainted = spec?["taints"].items().contains { $0.fields()?["key"].string() == taint } ?? false
        return isTainted ? "the node has the taint \(taint)" : nil
    }

    /// Internal addresses, then external ones, each in order (`GetNodeHostIPs`); host names and the like are no addresses.
    private func addresses(_ status: Fields?) -> [IPAddress] {
        guard let items = status?["addresses"].items() else { return [] }
        let addresses = items.compactMap { item -> (address: IPAddress, isInternal: Bool)? in
            guard let fields = item.fields() else { return nil }
            let type = fields["type"].string()
            guard type == "InternalIP" || type == "ExternalIP" else { return nil }
            let reader = fields["address"]
            guard let text = reader.string() else {
                if !reader.isPresent { reader.error("missing: the address") }
                return nil
            }
            guard let address = IPAddress(text) else {
                reader.error("\"\(reader.shown(text))\" is not an IP address")
                return nil
            }
            return (address, type == "InternalIP")
        }
        return addresses.filter(\.isInternal).map(\.address) + addresses.filter { !$0.isInternal }.map(\.address)
    }

    /// `podCIDRs`, or `podCIDR` alone, which is the first of them.
    private func podRanges(_ spec: Fields?) -> [IPPrefix] {
        guard let spec else { return [] }
        var texts = spec["podCIDRs"].strings()
        let single = spec["podCIDR"]
        if let text = single.string(), !text.isEmpty {
            if texts.isEmpty {
                texts = [(text, single)]
            } else if texts[0].text != text {
                texts[0].reader.error("\(single.shown(texts[0].text)) is not spec.podCIDR, which is \(single.shown(text)); they must agree")
            }
        }
        var ranges: [IPPrefix] = []
        for (text, reader) in texts {
            guard let range = IPPrefix(text) else {
                reader.error("\"\(reader.shown(text))\" is not a range such as 10.244.0.0/24")
                continue
            }
            if ranges.contains(where: { $0.family == range.family }) {
                reader.error("\(range) is a second \(range.family) range; at most one of each family")
            } else {
                ranges.append(range)
            }
        }
        return ranges
    }
}
