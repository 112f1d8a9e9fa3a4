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
        guard let link, link.index == address.linkIndex, link.kind == "dummy" else {
            others.insert(address)
            return
        }
        if address.isHostAddress { hostAddresses.insert(address.address) }
    }

    /// The host addresses so far, which are then no longer kept.
    mutating func takeHostAddresses() -> [IPAddress] {
        defer { hostAddresses = [] }
        return Array(hostAddresses)
    }
}
