import NetlinkCodec
package import NetlinkTransport

/// Reading without counters, which are most of what there is to decode.
extension IPVSHandle {
    /// The virtual servers of these keys that stand, several asked for per send.
    package mutating func configurations(
        of keys: [VirtualServer.Key]
    ) throws(IPVSError) -> [VirtualServer.Key: VirtualServer.Configuration] {
        let requests = keys.map { reading("read virtual server", Command.getService, of: $0) }
        var found: [VirtualServer.Key: VirtualServer.Configuration] = [:]
        for (key, result) in zip(keys, socket.requestEach(requests)) {
            do throws(NetlinkError) {
                for reply in try result.get() {
                    do throws(NetlinkDecodingError) {
                        let server = try MessageDecoding.virtualServer(reply.payload.span, wantsStatistics: false)?.server
                        if let server { found[server.key] = server.configuration }
                    } catch {
                        throw NetlinkError("read virtual server", .malformed(error))
                    }
                }
            } catch {
                let refusal = IPVSError(error, about: key)
                if case .unknownVirtualServer = refusal.reason { continue }
                throw refusal
            }
        }
        return found
    }

    /// The real servers of a virtual server; none where it does not stand.
    package mutating func realServerConfigurations(
        of key: VirtualServer.Key
    ) throws(IPVSError) -> [RealServer.Key: RealServer.Configuration] {
        var found: [RealServer.Key: RealServer.Configuration] = [:]
        do throws(NetlinkError) {
            try socket.dump(reading("list real servers", Command.getDestination, of: key)) { _, payload throws(NetlinkDecodingError) in
                let server = try MessageDecoding.realServer(payload, family: key.family, wantsStatistics: false)?.server
                if let server { found[server.key] = server.configuration }
            }
        } catch {
            throw IPVSError(error, about: key)
        }
        return found
    }

    /// Begins to list all virtual servers, on a socket of its own.
    package borrowing func virtualServerDump() throws(IPVSError) -> VirtualServerDump {
        do throws(NetlinkError) {
            let socket = try NetlinkSocket(.generic, inNamespaceAt: namespacePath)
            return try VirtualServerDump(socket, request: reading("list virtual servers", Command.getService))
        } catch {
            throw IPVSError(error)
        }
    }
}

/// All virtual servers, without their counters, piece by piece.
///
/// The kernel goes by position: where others are added or removed meanwhile, one can be missed or come twice.
package struct VirtualServerDump: ~Copyable {
    private var dumper: NetlinkDumper

    init(_ socket: consuming NetlinkSocket, request: NetlinkRequest) throws(NetlinkError) {
        dumper = NetlinkDumper(socket)
        try dumper.begin(request)
    }

    /// Reads some (at most 32 KiB of messages, below a hundred), and calls `body` with each.
    package mutating func next(_ body: (VirtualServer) -> Void) throws(IPVSError) -> NetlinkDumper.Progress {
        do throws(NetlinkError) {
            return try dumper.next { _, payload throws(NetlinkDecodingError) in
                if let observed = try MessageDecoding.virtualServer(payload, wantsStatistics: false) { body(observed.server) }
            }
        } catch {
            throw IPVSError(error)
        }
    }
}
