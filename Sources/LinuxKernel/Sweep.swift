import IPSets
import IPVS
import IPVSModel
import Links
import NodeKernel
import NodeModel

/// A sweep under way: the part that it is at, with what is open for it, and what is to come.
///
/// A step is the smallest piece of work: one datagram of a dump, one page of text. Between two steps anything may happen.
struct Sweep: ~Copyable {
    /// The parts in their order; the first four make up one scope.
    enum Part: Int {
        case virtualServers, timeouts, text, single, sysctls, link, sets

        var next: Part? { Part(rawValue: rawValue + 1) }

        var scope: ObservationScope {
            switch self {
            case .virtualServers, .timeouts, .text, .single: .virtualServers
            case .sysctls: .sysctls
            case .link: .link
            case .sets: .sets
            }
        }

        /// The first part of the next scope.
        var nextScope: Part? {
            var part = next
            while let candidate = part, candidate.scope == scope { part = candidate.next }
            return part
        }
    }

    /// Nil when it is over.
    private(set) var part: Part?
    private let passesServers: Bool

    // What is open for the part: one of these at most.
    var virtualServers: VirtualServerDump?
    var table: IPVSTableReader?
    var link: LinkLook?
    var reader: SetReader?

    /// Virtual servers whose real servers are asked for by themselves: firewall marks, of which the text does not show the family; and all of
    /// them where they are too many for the text, which then is not read.
    private(set) var singles: [VirtualServer.Key] = []
    private(set) var readsText = true
    /// Sets that were not passed yet, the next one last.
    var sets = SetKey.all

    /// What it has come by since it was asked last.
    private(set) var sightings: [Sighting] = []
    /// How many servers, addresses and entries these hold.
    private(set) var count = 0

    private var attempts = 0
    private var steps = 0

    /// How often a part is begun again because what it looked at changed meanwhile.
    private static let mostAttempts = 5

    /// Steps of one part: at a page or more each, or a virtual server, more than any table that fits into a node's memory.
    private static let mostSteps = 1 << 20

    /// - Parameter passesServers: whether it comes by virtual servers; of their scope it sees the timeouts alone otherwise.
    init(passesServers: Bool) {
        self.passesServers = passesServers
        part = passesServers ? .virtualServers : .timeouts
    }

    mutating func see(_ sighting: Sighting, count more: Int = 1) {
        sightings.append(sighting)
        count += more
    }

    /// Notes virtual servers that were come by.
    mutating func note(_ keys: some Sequence<VirtualServer.Key>) { singles.append(contentsOf: keys) }

    /// Chooses how to come by the real servers, once all virtual servers were noted.
    mutating func chooseLook(mostInText: Int) {
        readsText = singles.count <= mostInText
        if readsText { singles.removeAll { $0.address != nil } }
    }

    mutating func takeSingle() -> VirtualServer.Key? { singles.popLast() }

    mutating func takeSightings() -> [Sighting] {
        defer { (sightings, count) = ([], 0) }
        return sightings
    }

    /// Ends a part, and its scope if it is the last one of it.
    mutating func pass() {
        guard let part else { return }
        if part.scope == .virtualServers, !passesServers { return begin(part.nextScope) }
        if part.next?.scope != part.scope { sightings.append(.passed(part.scope)) }
        begin(part.next)
    }

    /// Ends a scope that cannot be seen.
    mutating func hide(_ failure: KernelFailure) {
        guard let part else { return }
        sightings.append(.hidden(part.scope, failure))
        begin(part.nextScope)
    }

    /// Begins a part again, a few times.
    mutating func repeatPart() {
        attempts += 1
        if part == .virtualServers { singles = [] }
        close()
        if attempts == Self.mostAttempts { hide(KernelFailure(.resource, "it changed during each of \(attempts) looks")) }
    }

    /// Counts a step of a part, which must come to an end some time.
    mutating func countStep() {
        steps += 1
        if steps > Self.mostSteps { hide(KernelFailure(.other, "the kernel does not come to the end of it")) }
    }

    private mutating func begin(_ next: Part?) {
        close()
        (part, attempts, steps) = (next, 0, 0)
    }

    private mutating func close() {
        virtualServers = nil
        table = nil
        link = nil
        reader = nil
    }
}
