/// One change to the kernel's IPVS table.
///
/// `add` and `update` carry the whole object: the kernel keeps nothing of what stood before.
public enum IPVSOperation: Hashable, Sendable {
    /// Makes a virtual server without real servers. The kernel loads the scheduler's module where it may.
    case addVirtualServer(VirtualServer)
    /// Replaces the configuration of a virtual server; its real servers, connections and counters stay.
    case updateVirtualServer(VirtualServer)
    /// Removes a virtual server with its real servers.
    case removeVirtualServer(VirtualServer.Key)

    case addRealServer(RealServer, to: VirtualServer.Key)
    /// Replaces the configuration of a real server; its connections and counters stay.
    case updateRealServer(RealServer, of: VirtualServer.Key)
    /// Removes a real server. What becomes of its connections is for the sysctls `expire_nodest_conn` and
    /// `expire_quiescent_template` to say.
    case removeRealServer(RealServer.Key, from: VirtualServer.Key)

    /// Sets the counters of a virtual server and of its real servers to zero; with nil, all counters there are.
    case zero(VirtualServer.Key?)
    /// Removes every virtual server of the network namespace, whoever made it.
    case flush
    /// Sets how long idle connections are kept; a value of 0 leaves that one as it is.
    case setTimeouts(ConnectionTimeouts)

    /// What is done, in words: "add virtual server".
    public var name: String {
        switch self {
        case .addVirtualServer: "add virtual server"
        case .updateVirtualServer: "update virtual server"
        case .removeVirtualServer: "remove virtual server"
        case .addRealServer: "add real server"
        case .updateRealServer: "update real server"
        case .removeRealServer: "remove real server"
        case .zero: "zero counters"
        case .flush: "remove all virtual servers"
        case .setTimeouts: "set timeouts"
        }
    }

    /// The virtual server that the operation is about, or to which the real server belongs.
    public var virtualServer: VirtualServer.Key? {
        switch self {
        case .addVirtualServer(let server), .updateVirtualServer(let server): server.key
        case .removeVirtualServer(let key), .addRealServer(_, to: let key), .updateRealServer(_, of: let key),
            .removeRealServer(_, from: let key):
            key
        case .zero(let key): key
        case .flush, .setTimeouts: nil
        }
    }

    /// The real server that the operation is about.
    public var realServer: RealServer.Key? {
        switch self {
        case .addRealServer(let server, _), .updateRealServer(let server, _): server.key
        case .removeRealServer(let key, _): key
        default: nil
        }
    }

    /// What it is done to, in words: "10.244.0.2:8080 of tcp 10.96.0.10:80"; empty where it is the whole table.
    public var object: String {
        switch (realServer, virtualServer) {
        case (let real?, let virtual?): "\(real) of \(virtual)"
        case (nil, let virtual?): "\(virtual)"
        default: ""
        }
    }
}

extension IPVSOperation: CustomStringConvertible {
    /// The name and the object: `add real server 10.244.0.2:8080 of tcp 10.96.0.10:80`.
    public var description: String {
        let object = object
        return object.isEmpty ? name : "\(name) \(object)"
    }
}
