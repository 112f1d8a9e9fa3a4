/// The numbers of the generic netlink family `IPVS`, as `linux/ip_vs.h` gives them. The names there are in the comments.
enum FamilyNumbers {
    /// `IPVS_GENL_NAME`
    static let name = "IPVS"
    /// `IPVS_GENL_VERSION`
    static let version: UInt8 = 1
}

/// `IPVS_CMD_…`
enum Command {
    static let newService: UInt8 = 1
    static let setService: UInt8 = 2
    static let deleteService: UInt8 = 3
    static let getService: UInt8 = 4
    static let newDestination: UInt8 = 5
    static let setDestination: UInt8 = 6
    static let deleteDestination: UInt8 = 7
    static let getDestination: UInt8 = 8
    static let newDaemon: UInt8 = 9
    static let deleteDaemon: UInt8 = 10
    static let getDaemon: UInt8 = 11
    static let setConfiguration: UInt8 = 12
    static let getConfiguration: UInt8 = 13
    /// The reply to `getInformation`.
    static let setInformation: UInt8 = 14
    static let getInformation: UInt8 = 15
    static let zero: UInt8 = 16
    static let flush: UInt8 = 17
}

/// `IPVS_CMD_ATTR_…`: the outermost attributes of a message.
enum CommandAttribute {
    static let service: UInt16 = 1
    static let destination: UInt16 = 2
    static let daemon: UInt16 = 3
    static let timeoutTCP: UInt16 = 4
    static let timeoutTCPFin: UInt16 = 5
    static let timeoutUDP: UInt16 = 6
}

/// `IPVS_SVC_ATTR_…`
enum ServiceAttribute {
    /// 16 bits, `AF_INET` or `AF_INET6`.
    static let addressFamily: UInt16 = 1
    /// 16 bits.
    static let transport: UInt16 = 2
    /// 16 bytes, of which IPv4 uses the first four.
    static let address: UInt16 = 3
    /// 16 bits in network order.
    static let port: UInt16 = 4
    static let firewallMark: UInt16 = 5
    static let schedulerName: UInt16 = 6
    /// `struct ip_vs_flags`: 32 bits of flags and 32 bits that say which of them count.
    static let flags: UInt16 = 7
    /// Seconds.
    static let timeout: UInt16 = 8
    /// IPv4: a mask in network order. IPv6: a prefix length in host order, 1…128.
    static let netmask: UInt16 = 9
    static let statistics: UInt16 = 10
    static let persistenceEngine: UInt16 = 11
    /// From Linux 4.1.
    static let statistics64: UInt16 = 12
}

/// `IPVS_DEST_ATTR_…`
enum DestinationAttribute {
    static let address: UInt16 = 1
    static let port: UInt16 = 2
    /// `IP_VS_CONN_F_*`, of which the low three bits are the method.
    static let forwarding: UInt16 = 3
    static let weight: UInt16 = 4
    static let upperThreshold: UInt16 = 5
    static let lowerThreshold: UInt16 = 6
    static let activeConnections: UInt16 = 7
    static let inactiveConnections: UInt16 = 8
    static let persistentConnections: UInt16 = 9
    static let statistics: UInt16 = 10
    /// From Linux 3.18; before, a destination had its service's family.
    static let addressFamily: UInt16 = 11
    static let statistics64: UInt16 = 12
    /// 8 bits. From Linux 5.3, as the next two.
    static let tunnelType: UInt16 = 13
    /// 16 bits in network order.
    static let tunnelPort: UInt16 = 14
    /// 16 bits.
    static let tunnelFlags: UInt16 = 15
}

/// `IPVS_STATS_ATTR_…`. In `statistics64` all have 64 bits; in `statistics` only the two byte counters.
enum StatisticsAttribute {
    static let connections: UInt16 = 1
    static let incomingPackets: UInt16 = 2
    static let outgoingPackets: UInt16 = 3
    static let incomingBytes: UInt16 = 4
    static let outgoingBytes: UInt16 = 5
    static let connectionRate: UInt16 = 6
    static let incomingPacketRate: UInt16 = 7
    static let outgoingPacketRate: UInt16 = 8
    static let incomingByteRate: UInt16 = 9
    static let outgoingByteRate: UInt16 = 10
}

/// `IPVS_DAEMON_ATTR_…`. The last four are from Linux 4.3, as is the length.
enum DaemonAttribute {
    /// 32 bits: `IP_VS_STATE_MASTER` or `IP_VS_STATE_BACKUP`.
    static let state: UInt16 = 1
    static let interface: UInt16 = 2
    /// 32 bits, of which the daemons' messages have room for eight.
    static let synchronizationID: UInt16 = 3
    /// 16 bits: bytes of UDP payload.
    static let maximumLength: UInt16 = 4
    /// Four bytes.
    static let group: UInt16 = 5
    /// Sixteen bytes.
    static let group6: UInt16 = 6
    /// 16 bits in host order, unlike the ports of servers.
    static let port: UInt16 = 7
    /// 8 bits.
    static let timeToLive: UInt16 = 8
}

/// `IPVS_INFO_ATTR_…`
enum InformationAttribute {
    /// Three bytes of a number: 0x010201 is 1.2.1.
    static let version: UInt16 = 1
    static let connectionTableSize: UInt16 = 2
}

/// `IP_VS_SVC_F_…`
enum ServiceFlag {
    static let persistent: UInt32 = 0x1
    static let onePacket: UInt32 = 0x4
}

/// `IP_VS_CONN_F_…` and `IP_VS_CONN_F_TUNNEL_TYPE_…`
enum ForwardingNumber {
    static let mask: UInt32 = 0x7
    static let masquerade: UInt32 = 0
    static let local: UInt32 = 1
    static let tunnel: UInt32 = 2
    static let direct: UInt32 = 3
    static let bypass: UInt32 = 4

    static let tunnelIPIP: UInt8 = 0
    static let tunnelGUE: UInt8 = 1
    static let tunnelGRE: UInt8 = 2
}

/// The socket families of `bits/socket.h`.
enum FamilyNumber {
    static let ipv4: UInt16 = 2
    static let ipv6: UInt16 = 10

    static func of(_ family: AddressFamily) -> UInt16 { family == .ipv4 ? ipv4 : ipv6 }

    static func family(_ number: UInt16) -> AddressFamily? {
        switch number {
        case ipv4: .ipv4
        case ipv6: .ipv6
        default: nil
        }
    }
}
