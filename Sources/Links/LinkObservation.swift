package import Addresses

/// What was seen of the dummy link, and beside it.
package struct LinkObservation: Equatable, Sendable {
    /// The link of the name, whatever its kind; nil where there is none.
    package private(set) var link: Link?
    package private(set) var hostAddresses: Set<IPAddress> = []
    /// Addresses of the other links, and of one of this name that is no dummy.
    package private(set) var others: AddressHolders

    /// Begins with all links, to which addresses are added one by one.
    package init(_ name: String, links: [Link]) {
        link = links.first { $0.name == name }
        others = AddressHolders(besideDummy: name, links: links)
    }

    package mutating func insert(_ address: LinkAddress) {
        if let address = hostAddress(address) { hostAddresses.insert(address) }
    }

    /// Takes note of an address, unless it is a host address of the dummy link: that one is the caller's to keep.
    mutating func hostAddress(_ address: LinkAddress) -> IPAddress? {
        guard let link, link.index == address.linkIndex, link.kind == "dummy" else {
            others.insert(address)
            return nil
        }
        return address.isHostAddress ? address.address : nil
    }
}
