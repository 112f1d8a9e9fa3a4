import NetlinkCodec

extension IPVSOperation {
    /// Appends the message that does it.
    func write(to datagram: inout NetlinkEncoder, family: UInt16) {
        datagram.beginMessage(type: family)
        writePayload(to: &datagram)
    }

    /// The message that does it, by itself.
    func request(family: UInt16) -> NetlinkRequest {
        NetlinkRequest(name, type: family) { writePayload(to: &$0) }
    }

    private func writePayload(to datagram: inout NetlinkEncoder) {
        datagram.append(GenericNetlinkHeader(command: command, version: FamilyNumbers.version))
        switch self {
        case .addVirtualServer(let server), .updateVirtualServer(let server): datagram.service(server)
        case .removeVirtualServer(let key): datagram.service(key)
        case .addRealServer(let server, to: let key), .updateRealServer(let server, of: let key):
            datagram.service(key)
            datagram.destination(server)
        case .removeRealServer(let server, from: let key):
            datagram.service(key)
            datagram.destination(server)
        case .zero(let key): if let key { datagram.service(key) }
        case .flush: break
        case .setTimeouts(let timeouts): datagram.timeouts(timeouts)
        }
    }

    private var command: UInt8 {
        switch self {
        case .addVirtualServer: Command.newService
        case .updateVirtualServer: Command.setService
        case .removeVirtualServer: Command.deleteService
        case .addRealServer: Command.newDestination
        case .updateRealServer: Command.setDestination
        case .removeRealServer: Command.deleteDestination
        case .zero: Command.zero
        case .flush: Command.flush
        case .setTimeouts: Command.setConfiguration
        }
    }
}
