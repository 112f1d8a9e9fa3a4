package import Addresses
package import NodeKernel
package import NodeModel

/// Announcements of the kernel, summed up: of each thing only what was said last.
package struct KernelNews: Sendable {
    package private(set) var link: DummyLink?
    /// Whether an address is bound now.
    package private(set) var addresses: [IPAddress: Bool] = [:]
    /// Which other link holds an address now; nil where none does any more.
    package private(set) var otherAddresses: [IPAddress: String?] = [:]
    package private(set) var isLost = false

    package init() {}

    package var isEmpty: Bool { link == nil && addresses.isEmpty && otherAddresses.isEmpty && !isLost }

    package mutating func add(_ announcement: KernelAnnouncement) {
        switch announcement {
        case .addressAdded(let address): addresses[address] = true
        case .addressRemoved(let address): addresses[address] = false
        case .otherAddress(let address, let link): otherAddresses.updateValue(link, forKey: address)
        case .link(let link): self.link = link
        case .lost: isLost = true
        }
    }
}
