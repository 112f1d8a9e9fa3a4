import Addresses
import CIPSet
package import NodeModel

/// An entry that is to be in a set, or not to be in it.
package enum SetChange: Hashable, Sendable {
    case add(SetMember)
    case remove(SetMember)

    package var member: SetMember {
        switch self {
        case .add(let member), .remove(let member): member
        }
    }

    var isRemoval: Bool {
        if case .remove = self { true } else { false }
    }
}

/// A change that was not carried out: its place in the list, and why.
package struct SetFailure: Error, Hashable, Sendable {
    package let index: Int
    package let error: SetError
}

extension SetChange {
    /// The change in the layout of `CIPSet.h`; nil where the entry is not one for the set (an IPv6 address for an IPv4 set, a
    /// port for a set of addresses).
    func encoded(set index: Int) -> cipset_change? {
        let (key, entry) = (member.set, member.entry)
        guard entry.fits(key) else { return nil }
        var change = cipset_change()
        change.set = UInt32(truncatingIfNeeded: index)
        change.remove = isRemoval ? 1 : 0
        change.family = key.family.rawValue
        switch entry {
        case .port(let port):
            change.layout = UInt8(truncatingIfNeeded: CIPSET_PORT.rawValue)
            change.port = port
            return change
        case .address(let address):
            change.layout = UInt8(truncatingIfNeeded: CIPSET_ADDRESS.rawValue)
            return change.set(address, family: key.family) ? change : nil
        case .addressPortMark(let address, let port, let transport, let mark):
            change.layout = UInt8(truncatingIfNeeded: CIPSET_ADDRESS_PORT.rawValue)
            (change.port, change.`protocol`) = (port, transport.rawValue)
            (change.has_mark, change.mark) = (1, mark)
            return change.set(address, family: key.family) ? change : nil
        case .addressPort(let address, let port, let transport):
            change.layout = UInt8(truncatingIfNeeded: CIPSET_ADDRESS_PORT.rawValue)
            (change.port, change.`protocol`) = (port, transport.rawValue)
            return change.set(address, family: key.family) ? change : nil
        case .addressPortAddress(let address, let port, let transport, let other):
            change.layout = UInt8(truncatingIfNeeded: CIPSET_ADDRESS_PORT_ADDRESS.rawValue)
            (change.port, change.`protocol`) = (port, transport.rawValue)
            return change.set(address, other: other, family: key.family) ? change : nil
        case .addressPortNet(let address, let port, let transport, let net):
            change.layout = UInt8(truncatingIfNeeded: CIPSET_ADDRESS_PORT_NET.rawValue)
            (change.port, change.`protocol`) = (port, transport.rawValue)
            change.other_prefix_length = UInt8(truncatingIfNeeded: net.length)
            return change.set(address, other: net.address, family: key.family) ? change : nil
        }
    }
}

extension cipset_change {
    fileprivate mutating func set(_ address: IPAddress, other: IPAddress? = nil, family: AddressFamily) -> Bool {
        guard address.family == family, other?.family ?? family == family else { return false }
        Self.write(address, to: &self.address)
        if let other { Self.write(other, to: &self.other) }
        return true
    }

    private typealias Bytes16 = (
        UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
    )

    private static func write(_ address: IPAddress, to bytes: inout Bytes16) {
        // A C array of sixteen bytes is a tuple in Swift; it is laid out as the array is.
        unsafe withUnsafeMutableBytes(of: &bytes) { buffer in
            for offset in 0..<address.family.byteCount { unsafe buffer[offset] = address.byte(at: offset) }
        }
    }
}
