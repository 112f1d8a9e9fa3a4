import NetlinkCodec

/// Writing virtual and real servers as the attributes of the family.
///
/// The kernel's SET commands replace the whole object: an attribute that is left out is not kept but reset, `PE_NAME` to no engine and
/// the tunnel attributes to IPIP. So NEW and SET send the same, everything.
extension NetlinkEncoder {
    mutating func service(_ key: VirtualServer.Key) {
        nest(CommandAttribute.service) { $0.keyAttributes(of: key) }
    }

    mutating func service(_ server: VirtualServer) {
        let configuration = server.configuration
        nest(CommandAttribute.service) { nest in
            nest.keyAttributes(of: server.key)
            nest.attribute(ServiceAttribute.schedulerName, configuration.scheduler.rawValue)
            nest.flags(of: configuration)
            nest.attribute(ServiceAttribute.timeout, configuration.persistence?.timeout ?? 0)
            // Required of every service; without persistence it has no meaning, but for IPv6 must be a prefix length all the same.
            let granularity = configuration.persistence?.granularity ?? .wholeAddress(server.key.family)
            nest.netmask(granularity, server.key.family)
            if let engine = configuration.persistenceEngine {
                nest.attribute(ServiceAttribute.persistenceEngine, engine)
            }
        }
    }

    private mutating func keyAttributes(of key: VirtualServer.Key) {
        attribute(ServiceAttribute.addressFamily, FamilyNumber.of(key.family))
        switch key {
        case .address(let address, let port, let transport):
            attribute(ServiceAttribute.transport, UInt16(transport.rawValue))
            attribute(ServiceAttribute.address, padded: address)
            attribute(ServiceAttribute.port, network: port)
        case .firewallMark(let mark, _):
            attribute(ServiceAttribute.firewallMark, mark)
        }
    }

    /// `struct ip_vs_flags`. The mask is full: a flag that is not wanted is to be cleared, not kept.
    private mutating func flags(of configuration: VirtualServer.Configuration) {
        var flags = configuration.schedulerFlags.rawValue
        if configuration.persistence != nil { flags |= ServiceFlag.persistent }
        if configuration.onePacket { flags |= ServiceFlag.onePacket }
        attribute(ServiceAttribute.flags, flags, .max)
    }

    /// Sixteen bytes: `union nf_inet_addr`.
    private mutating func attribute(_ type: UInt16, padded address: IPAddress) {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        for offset in 0..<address.family.byteCount { bytes[offset] = address.byte(at: offset) }
        attribute(type, bytes: bytes.span)
    }

    private mutating func netmask(_ granularity: VirtualServer.Granularity, _ family: AddressFamily) {
        switch (granularity, family) {
        case (.mask(let mask), .ipv4): attribute(ServiceAttribute.netmask, network: mask)
        case (.prefixLength(let length), .ipv6): attribute(ServiceAttribute.netmask, UInt32(length))
        // The other family's way to say it: a prefix means the same in both, a mask with holes has no prefix, and 0 is refused.
        case (.mask, .ipv6): attribute(ServiceAttribute.netmask, UInt32(granularity.prefixLength ?? 0))
        case (.prefixLength(let length), .ipv4):
            let mask: UInt32 = length == 0 ? 0 : length >= 32 ? .max : .max << UInt32(32 - length)
            attribute(ServiceAttribute.netmask, network: mask)
        }
    }

    mutating func destination(_ key: RealServer.Key) {
        nest(CommandAttribute.destination) { $0.keyAttributes(of: key) }
    }

    mutating func destination(_ server: RealServer) {
        let configuration = server.configuration
        nest(CommandAttribute.destination) { nest in
            nest.keyAttributes(of: server.key)
            nest.attribute(DestinationAttribute.forwarding, forwardingNumber(configuration.forwarding))
            nest.attribute(DestinationAttribute.weight, UInt32(bitPattern: configuration.weight))
            nest.attribute(DestinationAttribute.upperThreshold, configuration.upperThreshold)
            nest.attribute(DestinationAttribute.lowerThreshold, configuration.lowerThreshold)
            if case .tunnel(let tunnel) = configuration.forwarding { nest.tunnel(tunnel) }
        }
    }

    private mutating func keyAttributes(of key: RealServer.Key) {
        attribute(DestinationAttribute.address, padded: key.address)
        attribute(DestinationAttribute.port, network: key.port)
        attribute(DestinationAttribute.addressFamily, FamilyNumber.of(key.address.family))
    }

    private mutating func tunnel(_ tunnel: Tunnel) {
        let (type, port): (UInt8, UInt16) =
            switch tunnel.encapsulation {
            case .ipip: (ForwardingNumber.tunnelIPIP, 0)
            case .gue(let port): (ForwardingNumber.tunnelGUE, port)
            case .gre: (ForwardingNumber.tunnelGRE, 0)
            }
        attribute(DestinationAttribute.tunnelType, type)
        attribute(DestinationAttribute.tunnelPort, network: port)
        attribute(DestinationAttribute.tunnelFlags, tunnel.checksum.rawValue)
    }

    mutating func timeouts(_ timeouts: ConnectionTimeouts) {
        attribute(CommandAttribute.timeoutTCP, timeouts.tcp)
        attribute(CommandAttribute.timeoutTCPFin, timeouts.tcpFin)
        attribute(CommandAttribute.timeoutUDP, timeouts.udp)
    }
}

private func forwardingNumber(_ method: ForwardingMethod) -> UInt32 {
    switch method {
    case .masquerade: ForwardingNumber.masquerade
    case .local: ForwardingNumber.local
    case .tunnel: ForwardingNumber.tunnel
    case .direct: ForwardingNumber.direct
    case .bypass: ForwardingNumber.bypass
    }
}
