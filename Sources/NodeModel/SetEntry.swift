package import Addresses

/// What is in a set: addresses with ports and protocols, as each set type has them.
package enum SetEntry: Hashable, Sendable {
    case address(IPAddress)
    case addressPort(IPAddress, UInt16, TransportProtocol)
    // Few are of the other kinds with an address, and their size would be that of all.
    /// Packets to this address and port are given the mark, all 32 bits of it.
    indirect case addressPortMark(IPAddress, UInt16, TransportProtocol, UInt32)
    indirect case addressPortAddress(IPAddress, UInt16, TransportProtocol, IPAddress)
    indirect case addressPortNet(IPAddress, UInt16, TransportProtocol, IPPrefix)
    case port(UInt16)

    /// The set type that holds such entries.
    package var type: SetType {
        switch self {
        case .address: .hashAddress
        case .addressPort, .addressPortMark: .hashAddressPort
        case .addressPortAddress: .hashAddressPortAddress
        case .addressPortNet: .hashAddressPortNet
        case .port: .bitmapPort
        }
    }

    /// The mark that it carries.
    package var mark: UInt32? {
        if case .addressPortMark(_, _, _, let mark) = self { mark } else { nil }
    }

    /// Whether a set of this key can hold it.
    package func fits(_ key: SetKey) -> Bool { type == key.type && (mark != nil) == key.set.keepsMarks }

    /// The entry without its mark: what the kernel knows it by.
    package var withoutMark: SetEntry {
        if case .addressPortMark(let address, let port, let transport, _) = self { .addressPort(address, port, transport) } else { self }
    }
}

extension SetEntry: CustomStringConvertible {
    /// As `ipset` writes it: `10.96.0.10,tcp:53`.
    package var description: String {
        switch self {
        case .address(let address): "\(address)"
        case .addressPort(let address, let port, let transport): "\(address),\(transport):\(port)"
        case .addressPortMark(let address, let port, let transport, let mark):
            "\(address),\(transport):\(port) skbmark 0x\(String(mark, radix: 16))"
        case .addressPortAddress(let address, let port, let transport, let other): "\(address),\(transport):\(port),\(other)"
        case .addressPortNet(let address, let port, let transport, let net): "\(address),\(transport):\(port),\(net)"
        case .port(let port): "\(port)"
        }
    }

    /// Reads what `ipset save` writes for an entry of the type; nil where it is not that.
    package init?(_ text: some StringProtocol, type: SetType) {
        func portAndProtocol(_ part: some StringProtocol) -> (UInt16, TransportProtocol)? {
            guard let colon = part.firstIndex(of: ":"), let transport = TransportProtocol(name: String(part[..<colon])),
                let port = UInt16(part[part.index(after: colon)...])
            else { return nil }
            return (port, transport)
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        switch (type, parts.count) {
        case (.hashAddress, 1):
            guard let address = IPAddress(parts[0]) else { return nil }
            self = .address(address)
        case (.bitmapPort, 1):
            guard let port = UInt16(parts[0]) else { return nil }
            self = .port(port)
        case (.hashAddressPort, 2):
            guard let address = IPAddress(parts[0]), let (port, transport) = portAndProtocol(parts[1]) else { return nil }
            self = .addressPort(address, port, transport)
        case (.hashAddressPortAddress, 3):
            guard let address = IPAddress(parts[0]), let (port, transport) = portAndProtocol(parts[1]), let other = IPAddress(parts[2])
            else { return nil }
            self = .addressPortAddress(address, port, transport, other)
        case (.hashAddressPortNet, 3):
            guard let address = IPAddress(parts[0]), let (port, transport) = portAndProtocol(parts[1]) else { return nil }
            // A /32 or /128 is written without its length.
            let net = IPPrefix(String(parts[2])) ?? IPAddress(parts[2]).flatMap { IPPrefix($0, length: $0.family.bitWidth) }
            guard let net else { return nil }
            self = .addressPortNet(address, port, transport, net)
        default:
            return nil
        }
    }
}

extension SetEntry: Comparable {
    /// By address or port, then by the rest; entries of one set are of one kind.
    package static func < (left: Self, right: Self) -> Bool { left.sortKey < right.sortKey }

    private var sortKey: (IPAddress, UInt16, TransportProtocol, IPAddress, Int) {
        let none = IPAddress(ipv4: 0)
        return switch self {
        case .address(let address): (address, 0, .tcp, none, 0)
        case .addressPort(let address, let port, let transport): (address, port, transport, none, 0)
        case .addressPortMark(let address, let port, let transport, let mark): (address, port, transport, none, Int(mark))
        case .addressPortAddress(let address, let port, let transport, let other): (address, port, transport, other, 0)
        case .addressPortNet(let address, let port, let transport, let net): (address, port, transport, net.address, net.length)
        case .port(let port): (none, port, .tcp, none, 0)
        }
    }
}
