import NetlinkCodec

extension IPVSOperation {
    /// The message that does it.
    func request(family: UInt16) -> NetlinkRequest {
        NetlinkRequest(name, family: family, header: GenericNetlinkHeader(command: command, version: FamilyNumbers.version)) { encoder in
            switch self {
            case .addVirtualServer(let server), .updateVirtualServer(let server): encoder.service(server)
            case .removeVirtualServer(let key): encoder.service(key)
            case .addRealServer(let server, to: let key), .updateRealServer(let server, of: let key):
                encoder.service(key)
                encoder.destination(server)
            case .removeRealServer(let server, from: let key):
                encoder.service(key)
                encoder.destination(server)
            case .zero(let key): if let key { encoder.service(key) }
            case .flush: break
            case .setTimeouts(let timeouts): encoder.timeouts(timeouts)
            }
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
