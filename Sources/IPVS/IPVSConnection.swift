/// A connection as `/proc/net/ip_vs_conn` shows it: a client, whom it called, and the real server that was chosen for it.
///
/// The table holds templates too: the memory of persistence, from which later connections of a client take their real server.
public struct IPVSConnection: Hashable, Sendable {
    /// An address and a port.
    public struct SocketAddress: Hashable, Sendable {
        /// The address.
        public var address: IPAddress
        /// The port; 0 where there is none.
        public var port: UInt16

        /// That port of that address.
        public init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// What a persistence engine keeps with a template.
    public struct Engine: Hashable, Sendable {
        /// The engine's name: `sip`.
        public var name: String

        /// What the engine tells clients apart by; a Call-ID with `sip`. The client chose it: treat it as you would any stranger's text.
        /// Bytes that are not UTF-8 are replaced.
        public var data: String

        /// An engine's data.
        public init(_ name: String, data: String) {
            self.name = name
            self.data = data
        }
    }

    /// Where the kernel knows a connection from.
    public enum Origin: String, Hashable, Sendable, CaseIterable {
        /// This kernel scheduled it.
        case local = "LOCAL"
        /// A synchronisation daemon told of it.
        case synchronized = "SYNC"
    }

    /// The protocol, by the kernel's name for it.
    public var transport: Transport
    /// Where the client calls from. Templates have port 0, and the address under the mask of persistence.
    public var client: SocketAddress
    /// What the client calls. In the template of a firewall mark, the address is the mark: see ``firewallMark``.
    public var virtual: SocketAddress
    /// The real server. The kernel makes the port of a template that is no longer valid 65535.
    public var realServer: RealServer.Key
    /// The state of the connection, by the kernel's name for it.
    public var state: State

    /// Seconds until the kernel forgets the connection if no packet comes; 0 also where it is about to.
    public var secondsLeft: UInt32

    /// The engine of a template that has one; nil where the file that was read does not show it.
    public var engine: Engine?
    /// Nil where the file that was read does not show it.
    public var origin: Origin?

    /// A connection.
    public init(
        _ transport: Transport, client: SocketAddress, virtual: SocketAddress, realServer: RealServer.Key, state: State,
        secondsLeft: UInt32, engine: Engine? = nil, origin: Origin? = nil
    ) {
        self.transport = transport
        self.client = client
        self.virtual = virtual
        self.realServer = realServer
        self.state = state
        self.secondsLeft = secondsLeft
        self.engine = engine
        self.origin = origin
    }

    /// Whether this is no connection but the memory of where a client's connections go.
    ///
    /// The file does not say it in a word. A template has no client port, and a state of its own since Linux 4.18; before, it was shown with
    /// its protocol's first state. (A data connection of FTP that waits for its client has no client port either, but another state.)
    public var isTemplate: Bool {
        transport == .any || client.port == 0 && (state == .assured || state == .none || state == .udp)
    }

    /// The mark, where this is the template of a virtual server by firewall mark.
    public var firewallMark: UInt32? {
        guard transport == .any, virtual.port == 0 else { return nil }
        // The first four bytes of the address, in both families.
        return (0..<4).reduce(0) { $0 << 8 | UInt32(virtual.address.byte(at: $1)) }
    }
}

extension IPVSConnection.SocketAddress: CustomStringConvertible {
    /// `10.0.0.1:80`, `[fd00::1]:80`.
    public var description: String { address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

extension IPVSConnection: CustomStringConvertible {
    /// `TCP 192.0.2.9:40000 to 10.96.0.10:80 at 10.244.0.2:8080, ESTABLISHED, 899 s left`.
    public var description: String {
        let called = firewallMark.map { "fwmark \($0)" } ?? "\(virtual)"
        return "\(transport) \(client) to \(called) at \(realServer), \(state), \(secondsLeft) s left"
    }
}
