import Addresses
import Links
package import NodeKernel
import NodeModel

extension LinuxKernel {
    /// Announcements of the dummy link and its addresses. Where the kernel cannot be listened to, there are none: the look at an
    /// interval finds the same later.
    package nonisolated func announcements() async -> AsyncStream<KernelAnnouncement> {
        AsyncStream { continuation in
            let task = Task {
                guard let listener = try? LinkListener() else { return continuation.finish() }
                let monitor = LinkMonitor(listener)
                var dummy = DummyLinkFollower(name: linkName, link: Self.link(named: linkName))
                // What happened before the listener was there is seen by whoever looks after this.
                continuation.yield(.lost)
                for await events in monitor.events {
                    for event in events {
                        for announcement in dummy.announcements(of: event) { continuation.yield(announcement) }
                    }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// The link as it is now, by a socket of its own, since this does not run where the other sockets are used.
    private nonisolated static func link(named name: String) -> Link? {
        guard var socket = try? LinkSocket() else { return nil }
        return try? socket.link(named: name)
    }
}

/// Picks out of all links' announcements those of the dummy link. Pure.
struct DummyLinkFollower {
    let name: String
    private var index: Int32?
    private var isDummy = false

    /// Begins with the link as it was found at the start.
    init(name: String, link: Link?) {
        self.name = name
        if let link { (index, isDummy) = (link.index, link.kind == "dummy") }
    }

    /// What an event means for the dummy link: nothing, mostly.
    mutating func announcements(of event: LinkEvent) -> [KernelAnnouncement] {
        switch event {
        case .linkChanged(let link) where link.name == name:
            (index, isDummy) = (link.index, link.kind == "dummy")
            return [.link(DummyLink(link))]
        case .linkChanged(let link) where link.index == index, .linkRemoved(let link) where link.index == index || link.name == name:
            // Renamed or removed: there is none of that name.
            (index, isDummy) = (nil, false)
            return [.link(.absent)]
        case .addressAdded(let address): return announcement(of: address) { .addressAdded($0) }
        case .addressRemoved(let address): return announcement(of: address) { .addressRemoved($0) }
        case .lost: return [.lost]
        case .linkChanged, .linkRemoved: return []
        }
    }

    private func announcement(of address: LinkAddress, _ make: (IPAddress) -> KernelAnnouncement) -> [KernelAnnouncement] {
        guard let index, isDummy, address.linkIndex == index, address.isHostAddress else { return [] }
        return [make(address.address)]
    }
}
