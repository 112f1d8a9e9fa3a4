import Addresses
import IPVSModel
import NodeModel
import Planner

/// What is to be put right, a slice at a time, so that a change waits for one slice of it at most.
///
/// What stands on something comes after it: an address after the link and its virtual servers.
struct MendingQueue {
    /// How much of each kind goes into a slice: some 10 ms of work.
    static let (serversAtOnce, membersAtOnce, addressesAtOnce) = (50, 1000, 100)

    private var base: ObservationScope = []
    private var servers: [VirtualServer.Key] = []
    private var members: [SetMember] = []
    private var addresses: [IPAddress] = []

    var isEmpty: Bool { base.isEmpty && servers.isEmpty && members.isEmpty && addresses.isEmpty }

    mutating func append(_ touched: Touched) {
        base.formUnion(touched.base)
        servers += touched.virtualServers
        members += touched.members
        addresses += touched.addresses
    }

    /// Takes out the next slice.
    mutating func take() -> Touched {
        var touched = Touched()
        (touched.base, base) = (base, [])
        if !servers.isEmpty {
            touched.virtualServers = Set(Self.take(Self.serversAtOnce, from: &servers))
        } else if !members.isEmpty {
            touched.members = Set(Self.take(Self.membersAtOnce, from: &members))
        } else {
            touched.addresses = Set(Self.take(Self.addressesAtOnce, from: &addresses))
        }
        return touched
    }

    private static func take<Element>(_ most: Int, from elements: inout [Element]) -> [Element] {
        let taken = Array(elements.suffix(most))
        elements.removeLast(taken.count)
        return taken
    }
}
