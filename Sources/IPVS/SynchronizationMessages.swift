import NetlinkCodec

extension NetlinkEncoder {
    mutating func daemon(_ daemon: SynchronizationDaemon) {
        nest(CommandAttribute.daemon) { nest in
            nest.attribute(DaemonAttribute.state, daemon.role.rawValue)
            nest.attribute(DaemonAttribute.interface, daemon.interface)
            nest.attribute(DaemonAttribute.synchronizationID, UInt32(daemon.synchronizationID))
            if let length = daemon.maximumLength { nest.attribute(DaemonAttribute.maximumLength, length) }
            switch daemon.group.family {
            case .ipv4: nest.attribute(DaemonAttribute.group, bytes: daemon.group.bytes)
            case .ipv6: nest.attribute(DaemonAttribute.group6, bytes: daemon.group.bytes)
            }
            nest.attribute(DaemonAttribute.port, daemon.port)
            nest.attribute(DaemonAttribute.timeToLive, daemon.timeToLive)
        }
    }

    mutating func daemon(_ role: SynchronizationDaemon.Role) {
        nest(CommandAttribute.daemon) { $0.attribute(DaemonAttribute.state, role.rawValue) }
    }
}

extension MessageDecoding {
    /// The daemon of a message; nil where the role is one of the future, or the reply another command's.
    static func daemon(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> SynchronizationDaemon? {
        guard try GenericNetlinkHeader(reading: payload).command == Command.newDaemon else { return nil }
        var found: SynchronizationDaemon?
        try payload.forEachAttribute(after: GenericNetlinkHeader.byteCount) { type, nest throws(NetlinkDecodingError) in
            if type == CommandAttribute.daemon { found = try daemon(in: nest) }
        }
        return found
    }

    private static func daemon(in nest: Span<UInt8>) throws(NetlinkDecodingError) -> SynchronizationDaemon? {
        var role: UInt32 = 0
        // Kernels before 4.3 say neither length nor group, port and time to live: those are the defaults then.
        var daemon = SynchronizationDaemon(.master, interface: "")
        try nest.forEachAttribute { type, value throws(NetlinkDecodingError) in
            switch type {
            case DaemonAttribute.state: role = try value.hostNumber()
            case DaemonAttribute.interface: daemon.interface = value.text()
            case DaemonAttribute.synchronizationID:
                daemon.synchronizationID = UInt8(truncatingIfNeeded: try value.hostNumber(UInt32.self))
            case DaemonAttribute.maximumLength: daemon.maximumLength = try value.hostNumber()
            case DaemonAttribute.group: daemon.group = try FieldDecoding.address(value, .ipv4)
            case DaemonAttribute.group6: daemon.group = try FieldDecoding.address(value, .ipv6)
            case DaemonAttribute.port: daemon.port = try value.hostNumber()
            case DaemonAttribute.timeToLive: daemon.timeToLive = try value.hostNumber()
            default: break
            }
        }
        guard let known = SynchronizationDaemon.Role(rawValue: role) else { return nil }
        daemon.role = known
        return daemon
    }
}
