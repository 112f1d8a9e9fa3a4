package import Addresses
package import NodeModel

/// Something that the kernel said of its own accord.
///
/// The details matter: the agent's own changes are announced too, and are told from others' by comparing with its picture.
package enum KernelAnnouncement: Hashable, Sendable {
    case addressAdded(IPAddress)
    case addressRemoved(IPAddress)
    /// Another link, named so, holds this address now; nil: no other link does any more.
    case otherAddress(IPAddress, link: String?)
    /// The dummy link was made, changed or removed.
    case link(DummyLink)
    /// Announcements were lost (the socket's buffer overflowed): look again.
    case lost
}
