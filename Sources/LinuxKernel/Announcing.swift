import Addresses
import Links
package import NodeKernel
import NodeModel

extension LinuxKernel {
    /// Announcements of the dummy link and of addresses. Where the kernel cannot be listened to, there are none: the look at an
    /// interval finds the same later.
    package nonisolated func announcements() async -> AsyncStream<[KernelAnnouncement]> {
        AsyncStream { continuation in
            let task = Task {
                guard let listener = try? LinkListener() else { return continuation.finish() }
                let monitor = LinkMonitor(listener)
                var follower = Self.follower(of: linkName)
                // What happened before the listener was there is seen by whoever looks after this.
                continuation.yield([.lost])
                for await events in monitor.events {
                    var heard: [KernelAnnouncement] = []
                    for event in events {
                        let announcements = follower.announcements(of: event)
                        if announcements.contains(.lost) { follower = Self.follower(of: linkName) }
                        heard += announcements
                    }
                    if !heard.isEmpty { continuation.yield(heard) }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// What stands now, by a socket of its own, since this does not run where the other sockets are used.
    private nonisolated static func follower(of name: String) -> LinkFollower {
        guard var socket = try? LinkSocket(), let seen = try? socket.observe(name) else {
            return LinkFollower(LinkObservation(name, links: []), name: name)
        }
        return LinkFollower(seen, name: name)
    }
}

/// Makes of all links' announcements those that matter here: of the dummy link, of its addresses, and of who else holds which address. Pure.
struct LinkFollower {
    private var dummy: DummyLinkFollower
    private var others: AddressHolders

    /// Begins with what was found at the start.
    init(_ seen: LinkObservation, name: String) {
        dummy = DummyLinkFollower(name: name, link: seen.link)
        others = seen.others
    }

    mutating func announcements(of event: LinkEvent) -> [KernelAnnouncement] {
        let ours = dummy.announcements(of: event)
        guard let changed = others.take(event) else { return ours.contains(.lost) ? ours : ours + [.lost] }
        return ours + changed.map { .otherAddress($0, link: others.holder(of: $0)) }
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
