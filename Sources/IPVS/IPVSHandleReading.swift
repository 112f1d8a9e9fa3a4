import NetlinkCodec
import NetlinkTransport

extension IPVSHandle {
    /// The kernel's IPVS version and the size of its connection table.
    public mutating func information() throws(IPVSError) -> IPVSInformation {
        let operation = "read version"
        let value = try ask(operation, Command.getInformation) { reply throws(NetlinkDecodingError) in
            try MessageDecoding.information(reply)
        }
        guard let value else { throw IPVSError(operation: operation, reason: .malformedAnswer("it holds no version")) }
        return value
    }

    /// How long idle connections are kept, in seconds.
    public mutating func timeouts() throws(IPVSError) -> ConnectionTimeouts {
        let operation = "read timeouts"
        let value = try ask(operation, Command.getConfiguration) { reply throws(NetlinkDecodingError) in
            try MessageDecoding.timeouts(reply)
        }
        guard let value else { throw IPVSError(operation: operation, reason: .malformedAnswer("it holds no timeouts")) }
        return value
    }

    /// Every virtual server, in the kernel's order, which is none.
    ///
    /// Those that the values cannot express are left out: the kernel allows protocols other than TCP, UDP and SCTP.
    public mutating func virtualServers() throws(IPVSError) -> [ObservedVirtualServer] {
        var servers: [ObservedVirtualServer] = []
        do throws(NetlinkError) {
            try socket.dump(reading("list virtual servers", Command.getService)) { _, payload throws(NetlinkDecodingError) in
                if let server = try MessageDecoding.virtualServer(payload) { servers.append(server) }
            }
        } catch {
            throw IPVSError(error)
        }
        return servers
    }

    /// One virtual server.
    ///
    /// - Throws: `unknownVirtualServer` where there is none of that key.
    public mutating func virtualServer(_ key: VirtualServer.Key) throws(IPVSError) -> ObservedVirtualServer {
        let operation = "read virtual server"
        let value = try ask(operation, Command.getService, of: key) { reply throws(NetlinkDecodingError) in
            try MessageDecoding.virtualServer(reply)
        }
        guard let value else {
            throw IPVSError(operation: operation, object: "\(key)", reason: .malformedAnswer("it holds no virtual server"))
        }
        return value
    }

    /// The real servers of a virtual server. Empty also where there is no such virtual server: the kernel does not tell the two apart.
    public mutating func realServers(of key: VirtualServer.Key) throws(IPVSError) -> [ObservedRealServer] {
        var servers: [ObservedRealServer] = []
        do throws(NetlinkError) {
            try socket.dump(reading("list real servers", Command.getDestination, of: key)) { _, payload throws(NetlinkDecodingError) in
                if let server = try MessageDecoding.realServer(payload, family: key.family) { servers.append(server) }
            }
        } catch {
            throw IPVSError(error, about: key)
        }
        return servers
    }
}
