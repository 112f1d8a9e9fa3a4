import Addresses
import IPVSModel
import KubernetesObjects

/// Decodes one real server of a virtual server.
struct RealServerDecoding {
    private let reader: FieldReader
    private let key: VirtualServer.Key
    private let use: VirtualServerDecoding.Use

    init(_ reader: FieldReader, of key: VirtualServer.Key, use: VirtualServerDecoding.Use = .table) {
        self.reader = reader
        self.key = key
        self.use = use
    }

    func decode() -> RealServer? {
        guard let fields = reader.fields() else {
            if !reader.isPresent { reader.error("an empty real server") }
            return nil
        }
        fields.refuseOthers(than: ["address", "port", "forwarding", "tunnel", "weight", "upperThreshold", "lowerThreshold"])
        let (address, port) = (fields["address"], fields["port"])
        for reader in [address, port] where !reader.isPresent { reader.error("missing") }
        guard let text = address.string(), let number = port.integer(in: 0...65535, "port number") else { return nil }
        guard let value = IPAddress(text) else {
            address.error("\"\(address.shown(text))\" is not an IP address")
            return nil
        }
        let forwarding = forwarding(fields)
        if value.family != key.family {
            guard case .tunnel = forwarding else {
                address.error("\(value) is not of \(key.family), and only a tunnel leads to the other family")
                return nil
            }
        }
        if use == .agent { refuseWhatCannotBeServed(value, number, forwarding, fields) }
        var configuration = RealServer.Configuration(forwarding: forwarding)
        if let weight = fields["weight"].integer(in: 0...Int64(Int32.max), "weight") { configuration.weight = Int32(weight) }
        let thresholds = 0...Int64(UInt32.max)
        if let upper = fields["upperThreshold"].integer(in: thresholds, "threshold") { configuration.upperThreshold = UInt32(upper) }
        if let lower = fields["lowerThreshold"].integer(in: thresholds, "threshold") { configuration.lowerThreshold = UInt32(lower) }
        if configuration.lowerThreshold > configuration.upperThreshold {
            fields["lowerThreshold"].error("\(configuration.lowerThreshold) is above the upper threshold, \(configuration.upperThreshold)")
        }
        return RealServer(RealServer.Key(value, port: UInt16(number)), configuration)
    }

    /// What a kernel takes and then does not do.
    private func refuseWhatCannotBeServed(_ address: IPAddress, _ port: Int64, _ forwarding: ForwardingMethod, _ fields: Fields) {
        if address.isUnspecified || address.isMulticast { fields["address"].error("\(address) is not the address of a server") }
        // Packets that are not translated keep their port (`ip_vs_dr_xmit`, `ip_vs_tunnel_xmit`).
        guard forwarding != .masquerade, case .address(_, let own, _) = key, port != Int64(own) else { return }
        fields["port"].error("\(port) is not the virtual server's port, \(own), which packets keep with forwarding \(forwarding)")
    }

    private func forwarding(_ fields: Fields) -> ForwardingMethod {
        let word = fields["forwarding"].word(Word.self)
        let tunnel = fields["tunnel"]
        if tunnel.isPresent, word != .tunnel { tunnel.error("forwarding is not tunnel") }
        switch word {
        case nil, .masquerade: return .masquerade
        case .direct: return .direct
        case .local: return .local
        case .bypass: return .bypass
        case .tunnel: return .tunnel(tunnel.fields().map(self.tunnel) ?? .ipip)
        }
    }

    private func tunnel(_ fields: Fields) -> Tunnel {
        fields.refuseOthers(than: ["type", "port", "checksum"])
        var tunnel = Tunnel.ipip
        let port = fields["port"].integer(in: 1...65535, "port number")
        switch fields["type"].word(Encapsulation.self) {
        case nil, .ipip: break
        case .gre: tunnel.encapsulation = .gre
        case .gue:
            if !fields["port"].isPresent { fields["port"].error("missing: the port of generic UDP encapsulation") }
            tunnel.encapsulation = .gue(port: UInt16(port ?? 0))
        }
        if case .gue = tunnel.encapsulation {} else if fields["port"].isPresent { fields["port"].error("only gue has a port") }
        switch fields["checksum"].word(Checksum.self) {
        case nil, .some(.none): break
        case .full: tunnel.checksum = .full
        case .remote: tunnel.checksum = .remote
        }
        return tunnel
    }

    private enum Word: String, CaseIterable {
        case masquerade
        case direct
        case tunnel
        case local
        case bypass
    }

    private enum Encapsulation: String, CaseIterable {
        case ipip
        case gre
        case gue
    }

    private enum Checksum: String, CaseIterable {
        case none
        case full
        case remote
    }
}
