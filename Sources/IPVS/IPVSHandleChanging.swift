/// One change each, which throws where it fails. For many changes `execute` is several times faster.
extension IPVSHandle {
    /// Makes a virtual server without real servers.
    public mutating func add(_ server: VirtualServer) throws(IPVSError) {
        try execute(.addVirtualServer(server))
    }

    /// Replaces the configuration of a virtual server whole.
    public mutating func update(_ server: VirtualServer) throws(IPVSError) {
        try execute(.updateVirtualServer(server))
    }

    /// Removes a virtual server with its real servers.
    public mutating func remove(_ key: VirtualServer.Key) throws(IPVSError) {
        try execute(.removeVirtualServer(key))
    }

    /// Adds a real server to a virtual server.
    public mutating func add(_ server: RealServer, to key: VirtualServer.Key) throws(IPVSError) {
        try execute(.addRealServer(server, to: key))
    }

    /// Replaces the configuration of a real server whole.
    public mutating func update(_ server: RealServer, of key: VirtualServer.Key) throws(IPVSError) {
        try execute(.updateRealServer(server, of: key))
    }

    /// Removes a real server from a virtual server.
    public mutating func remove(_ server: RealServer.Key, from key: VirtualServer.Key) throws(IPVSError) {
        try execute(.removeRealServer(server, from: key))
    }

    /// Sets counters to zero: those of one virtual server and its real servers, or all.
    public mutating func zero(_ key: VirtualServer.Key? = nil) throws(IPVSError) {
        try execute(.zero(key))
    }

    /// Removes every virtual server of the network namespace, whoever made it.
    public mutating func flush() throws(IPVSError) {
        try execute(.flush)
    }

    /// Sets how long idle connections are kept, in seconds; 0 leaves a value as it is.
    public mutating func setTimeouts(_ timeouts: ConnectionTimeouts) throws(IPVSError) {
        try execute(.setTimeouts(timeouts))
    }
}
