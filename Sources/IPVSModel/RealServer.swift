public import Addresses

/// A real server: one of the places where a virtual server's connections go. The kernel calls it a destination.
public struct RealServer: Hashable, Sendable {
    /// What it is known by within its virtual server.
    public var key: Key
    /// What can be changed while it stands.
    public var configuration: Configuration

    /// A real server of that key.
    public init(_ key: Key, _ configuration: Configuration) {
        self.key = key
        self.configuration = configuration
    }

    /// What identifies a real server within its virtual server.
    public struct Key: Hashable, Sendable {
        /// Where it is.
        public var address: IPAddress
        /// With direct routing and tunnels this must equal the virtual server's port.
        public var port: UInt16

        /// The real server at that address and port.
        public init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// Everything about a real server that can be changed while it stands.
    public struct Configuration: Hashable, Sendable {
        /// How packets reach it.
        public var forwarding: ForwardingMethod

        /// The share of new connections; 0 takes none (quiescent) and keeps those it has. 0…2,147,483,647.
        public var weight: Int32

        /// The number of connections above which no new one is sent here; 0 is no limit.
        public var upperThreshold: UInt32

        /// Having been over the upper threshold, new connections return below this number; 0 is three quarters of the upper.
        public var lowerThreshold: UInt32

        /// A configuration; what is left out is as `ipvsadm` has it by default, but for the forwarding, which is masquerading.
        public init(forwarding: ForwardingMethod = .masquerade, weight: Int32 = 1, upperThreshold: UInt32 = 0, lowerThreshold: UInt32 = 0) {
            self.forwarding = forwarding
            self.weight = weight
            self.upperThreshold = upperThreshold
            self.lowerThreshold = lowerThreshold
        }
    }
}

/// How packets reach a real server (`IP_VS_CONN_F_*` in `linux/ip_vs.h`).
public enum ForwardingMethod: Hashable, Sendable {
    /// Destination address translation; the way back leads through this node.
    case masquerade
    /// Delivered on this node.
    case local
    /// Encapsulated; the server answers the client itself.
    case tunnel(Tunnel)
    /// Sent to the server's link-layer address unchanged (direct routing); the server answers the client itself.
    case direct
    /// Passed on to the packet's own destination; the kernel makes such servers itself, for transparent caches.
    case bypass
}

/// The encapsulation of a tunnelled real server (`IP_VS_CONN_F_TUNNEL_TYPE_*`; GUE from Linux 5.3, GRE from 5.3).
public struct Tunnel: Hashable, Sendable {
    /// How packets are wrapped.
    public enum Encapsulation: Hashable, Sendable {
        /// IP in IP, or IPv6 in IPv4 and so on (RFC 2003, RFC 2473).
        case ipip
        /// Generic UDP encapsulation to this port (draft-ietf-intarea-gue).
        case gue(port: UInt16)
        /// Generic routing encapsulation (RFC 2784).
        case gre
    }

    /// What is done about checksums of the outer header.
    public enum Checksum: UInt16, Hashable, Sendable {
        case none = 0
        /// The outer checksum is computed.
        case full = 1
        /// The inner checksum is left to the other end (remote checksum offload); GUE only.
        case remote = 2
    }

    /// How packets are wrapped.
    public var encapsulation: Encapsulation
    /// What is done about checksums of the outer header.
    public var checksum: Checksum

    /// A tunnel of that encapsulation.
    public init(_ encapsulation: Encapsulation, checksum: Checksum = .none) {
        self.encapsulation = encapsulation
        self.checksum = checksum
    }

    /// IP in IP without checksums.
    public static let ipip = Tunnel(.ipip)
}

extension RealServer.Key: CustomStringConvertible, Comparable {
    /// `10.244.0.2:8080`, `[fd00::2]:8080`.
    public var description: String { SocketText.of(address, port) }

    /// By address, then by port.
    public static func < (left: Self, right: Self) -> Bool {
        left.address != right.address ? left.address < right.address : left.port < right.port
    }
}

extension ForwardingMethod: CustomStringConvertible {
    /// The method's name: `masquerade`, `local`, `tunnel ipip`, `tunnel gue:6080`, `direct`, …
    public var description: String {
        switch self {
        case .masquerade: "masquerade"
        case .local: "local"
        case .direct: "direct"
        case .bypass: "bypass"
        case .tunnel(let tunnel): "tunnel \(tunnel)"
        }
    }
}

extension Tunnel: CustomStringConvertible {
    /// `ipip`, `gre`, `gue:6080`, with `+csum` or `+remcsum` behind it.
    public var description: String {
        let name =
            switch encapsulation {
            case .ipip: "ipip"
            case .gre: "gre"
            case .gue(let port): "gue:\(port)"
            }
        return switch checksum {
        case .none: name
        case .full: name + "+csum"
        case .remote: name + "+remcsum"
        }
    }
}

extension RealServer.Configuration: CustomStringConvertible {
    /// `masquerade weight 1`, `direct weight 5 connections 100…200`.
    public var description: String {
        var text = "\(forwarding) weight \(weight)"
        if upperThreshold != 0 { text += " connections \(lowerThreshold)…\(upperThreshold)" }
        return text
    }
}
