package import Addresses

/// A network interface, as rtnetlink shows it.
package struct Link: Hashable, Sendable {
    package var index: Int32
    package var name: String
    /// The kind of a virtual link: `dummy`, `bridge`, `veth`; nil for hardware and for the loopback.
    package var kind: String?
    package var isUp: Bool
    /// Whether the link answers no ARP requests and takes no part in neighbour discovery.
    package var noARP: Bool

    package init(index: Int32, name: String, kind: String?, isUp: Bool, noARP: Bool) {
        self.index = index
        self.name = name
        self.kind = kind
        self.isUp = isUp
        self.noARP = noARP
    }
}

/// An address, and the link that holds it.
package struct LinkAddress: Hashable, Sendable {
    package var address: IPAddress
    package var prefixLength: Int
    package var linkIndex: Int32

    package init(_ address: IPAddress, prefixLength: Int, linkIndex: Int32) {
        self.address = address
        self.prefixLength = prefixLength
        self.linkIndex = linkIndex
    }

    /// A /32 or /128 that is not link-local: the way in which virtual addresses are bound. The kernel gives a raised link its
    /// link-local address itself.
    package var isHostAddress: Bool { prefixLength == address.family.bitWidth && !address.isLinkLocal }
}

/// An address that a link is to hold as a /32 or /128, or not to hold.
package enum AddressChange: Hashable, Sendable {
    case add(IPAddress)
    case remove(IPAddress)

    package var address: IPAddress {
        switch self {
        case .add(let address), .remove(let address): address
        }
    }

    package var isAddition: Bool { if case .add = self { true } else { false } }
}

/// A change that was not made: its place in the list, and why.
package struct AddressFailure: Error, Hashable, Sendable {
    package let index: Int
    package let error: LinkError

    package init(index: Int, error: LinkError) {
        self.index = index
        self.error = error
    }
}
