import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import Planner

/// One pass over what stands, in slices: takes sightings in, and tells where they differ from the picture.
///
/// What the agent itself has changed since the sweep began is left out of its judgement, since it may have been passed before or after
/// the change: the next sweep sees it. That a virtual server is missing or different is a suspicion only (see ``Sighting``), to be made
/// sure of by an exact look; so are those whose turn it is to be looked at exactly. Where all are, they need not be sighted.
struct Sweep {
    /// After how many sweeps every virtual server was looked at exactly.
    static let turns = 20

    private let turn: Int?
    private let linkName: String
    private let looksAtAll: Bool
    /// What the picture took in otherwise since the sweep began.
    private var leftOut = Touched()
    /// Parts that tell nothing: they could not be seen to their end.
    private(set) var hidden: ObservationScope = []

    /// Those to be looked at exactly, in order, and the place of the next one.
    private var suspects: [VirtualServer.Key]
    private var place = 0
    private var suspected: Set<VirtualServer.Key> = []

    private var servers = SightedServers()
    private var addresses = PartedSet<IPAddress>()
    /// Those of them that were not in the picture.
    private var newAddresses: Set<IPAddress> = []
    private var link: DummyLink?
    private var otherAddresses: [IPAddress: String]?
    private var sets: [SetKey: SightedSet] = [:]

    /// Virtual servers as far as they were sighted, in two ways.
    private struct SightedServers {
        var shown = PartedSet<VirtualServer.Key>()
        /// Those of them that were not in the picture.
        var new: Set<VirtualServer.Key> = []
        /// Those that the text showed, with their real servers or without any.
        var inText = PartedSet<VirtualServer.Key>()
        /// How many came in both ways.
        var both = 0
    }

    /// A set as far as it was sighted.
    private struct SightedSet {
        /// Without its entries.
        var set: ObservedSet
        /// Its entries that are in the picture, and those that are not.
        var known = PartedSet<SetEntry>()
        var new: Set<SetEntry> = []
    }

    /// - Parameters:
    ///   - number: how many sweeps there were before, which tells whose turn it is; nil where nobody's is.
    ///   - linkName: the dummy link's name.
    ///   - suspects: all that stand, where all are to be looked at exactly.
    init(number: Int? = nil, linkName: String, suspects: [VirtualServer.Key]? = nil) {
        turn = number.map { $0 % Self.turns }
        self.linkName = linkName
        self.suspects = suspects ?? []
        looksAtAll = suspects != nil
    }

    /// Leaves what an operation changes out of judgement.
    mutating func leaveOut(_ operation: Operation) {
        leftOut.insert(operation)
    }

    /// Leaves out what was found to have drifted by another way than this sweep.
    mutating func leaveOut(_ drift: Drift) { leftOut.insert(drift) }

    /// Leaves out whole parts.
    mutating func leaveOut(_ parts: ObservationScope) { hidden.formUnion(parts) }

    /// How many wait for an exact look.
    var suspectCount: Int { suspects.count - place }

    /// Takes out some of those that are to be looked at exactly.
    mutating func takeSuspects(_ most: Int) -> [VirtualServer.Key] {
        let end = place + min(most, suspectCount)
        defer { place = end }
        return suspects[place..<end].filter { !leftOut.virtualServers.contains($0) }
    }

    /// Looks at none any more, where all were to be looked at, and says whether that is so.
    mutating func giveUpLookingAtAll() -> Bool {
        if looksAtAll { place = suspects.count }
        return looksAtAll
    }

    // MARK: Judging

    /// Takes in what was sighted, compares it with the kernel as it was left, and returns what has drifted for sure. What is wanted tells
    /// which virtual servers have what only an exact look shows.
    mutating func take(_ sighting: Sighting, picture: NodeState, wanted: WantedState) -> [Drift] {
        switch sighting {
        case .virtualServers(let seen):
            for server in seen { take(server, picture: picture, wanted: wanted) }
        case .realServers(let seen):
            for (key, realServers) in seen { take(realServers, of: key, picture: picture) }
        case .timeouts(let found):
            let left = picture.timeouts
            return left == found || leftOut.base.contains(.virtualServers) ? [] : [.timeouts(left: left, found: found)]
        case .sysctls(let found):
            guard !leftOut.base.contains(.sysctls) else { return [] }
            return Set(picture.sysctls.keys).union(found.keys).sorted().filter { picture.sysctls[$0] != found[$0] }.map {
                .sysctl($0, left: picture.sysctls[$0], found: found[$0])
            }
        case .link(let found):
            // A part that changed while it was passed is begun again.
            (link, addresses, newAddresses, otherAddresses) = (found, PartedSet(), [], nil)
        case .otherAddresses(let found): otherAddresses = found
        case .addresses(let seen):
            for address in seen where addresses.insert(address) && !picture.addresses.contains(address) { newAddresses.insert(address) }
        case .set(let key, let set): sets[key] = SightedSet(set: set)
        case .members(let key, let entries):
            for entry in entries {
                let isKnown = picture.sets[key]?.entries.contains(entry) ?? false
                if isKnown { _ = sets[key]?.known.insert(entry) } else { sets[key]?.new.insert(entry) }
            }
        case .passed(let scope): return pass(scope.subtracting(hidden), picture: picture)
        case .hidden(let scope, _): hidden.formUnion(scope)
        }
        return []
    }

    private mutating func take(_ server: VirtualServer, picture: NodeState, wanted: WantedState) {
        let left = picture.virtualServers[server.key]
        if servers.shown.insert(server.key) {
            if servers.inText.contains(server.key) { servers.both += 1 }
            if left == nil { servers.new.insert(server.key) }
        }
        let isItsTurn = Int(UInt(bitPattern: server.key.hashValue) % UInt(Self.turns)) == turn
        if isItsTurn || left?.configuration != server.configuration
            || wanted.virtualServer(server.key)?.isShownWhole == false
        {
            suspect(server.key)
        }
    }

    private mutating func take(_ seen: [RealServer.Key: RealServer.Configuration], of key: VirtualServer.Key, picture: NodeState) {
        if servers.inText.insert(key), servers.shown.contains(key) { servers.both += 1 }
        let left = picture.virtualServers[key]?.realServers ?? [:]
        if left.count != seen.count || left.contains(where: { seen[$0.key] != $0.value.asFastLookShows }) { suspect(key) }
    }

    private mutating func suspect(_ key: VirtualServer.Key) {
        if !leftOut.virtualServers.contains(key), suspected.insert(key).inserted { suspects.append(key) }
    }

    // MARK: The end of a part

    private mutating func pass(_ scope: ObservationScope, picture: NodeState) -> [Drift] {
        var drifts: [Drift] = []
        if scope.contains(.virtualServers) { passServers(picture) }
        if scope.contains(.link) { drifts += passLink(picture) }
        if scope.contains(.sets) { drifts += passSets(picture) }
        return drifts
    }

    /// Suspects those that were not seen, and those of which only one of the two looks showed something: what the text leaves out (whole
    /// pages of it, where another network namespace has virtual servers too: see `IPVSTableReader`) is looked at exactly, also where it had
    /// no real servers, since others may have given it some.
    private mutating func passServers(_ picture: NodeState) {
        defer { servers = SightedServers() }
        let own = leftOut.virtualServers
        // Told by numbers, without what the agent itself has changed, so that all are walked only where some are missing.
        let shown = servers.shown.count - own.count(where: servers.shown.contains)
        let inText = servers.inText.count - own.count(where: servers.inText.contains)
        let both = servers.both - own.count { servers.shown.contains($0) && servers.inText.contains($0) }
        let standing = picture.virtualServers.count - own.count { picture.virtualServers[$0] != nil }
        if shown == both, inText == both, shown - servers.new.subtracting(own).count == standing { return }
        var missing = servers.shown.elements.filter { !servers.inText.contains($0) }
        missing += servers.inText.elements.filter { !servers.shown.contains($0) }
        for key in picture.virtualServers.keys where !servers.shown.contains(key) { missing.append(key) }
        for key in missing.sorted() { suspect(key) }
    }

    private mutating func passLink(_ picture: NodeState) -> [Drift] {
        defer { (addresses, newAddresses, otherAddresses) = (PartedSet(), [], nil) }
        guard !leftOut.base.contains(.link), let link else { return [] }
        var drifts = otherAddressDrifts(picture)
        if link != picture.link {
            drifts.append(.link(linkName, left: picture.link, found: link, addresses: link == .absent ? picture.addresses : []))
            if link == .absent { return drifts }
        }
        let own = leftOut.addresses
        let new = newAddresses.subtracting(own)
        let known = addresses.count - own.count(where: addresses.contains) - new.count
        if known != picture.addresses.count - own.count(where: picture.addresses.contains) {
            for address in picture.addresses.filter({ !addresses.contains($0) }).subtracting(own).sorted() {
                drifts.append(.address(address, on: linkName, isBound: false))
            }
        }
        for address in new.sorted() { drifts.append(.address(address, on: linkName, isBound: true)) }
        return drifts
    }

    private func otherAddressDrifts(_ picture: NodeState) -> [Drift] {
        guard let otherAddresses, otherAddresses != picture.otherAddresses else { return [] }
        let addresses = Set(otherAddresses.keys).union(picture.otherAddresses.keys).subtracting(leftOut.addresses)
        return addresses.sorted().filter { otherAddresses[$0] != picture.otherAddresses[$0] }.map {
            .otherAddress($0, left: picture.otherAddresses[$0], found: otherAddresses[$0])
        }
    }

    private mutating func passSets(_ picture: NodeState) -> [Drift] {
        defer { sets = [:] }
        guard !leftOut.base.contains(.sets) else { return [] }
        var drifts: [Drift] = []
        let ownChanges = Dictionary(grouping: leftOut.members, by: \.set)
        for key in Set(picture.sets.keys).union(sets.keys).sorted() {
            let sighted = sets[key]
            guard let left = picture.sets[key], let sighted, left.isAlike(sighted.set) else {
                drifts.append(
                    .set(key, left: picture.sets[key], found: sighted.map { ObservedSet($0.set, entries: $0.new.union($0.known.elements)) })
                )
                continue
            }
            let own = Set((ownChanges[key] ?? []).map(\.entry))
            let new = sighted.new.subtracting(own)
            let isWhole = Self.count(of: left.entries, without: sighted.known, own: own) == 0
            let gone: Set<SetEntry> = isWhole ? [] : left.entries.filter { !sighted.known.contains($0) }
            if !new.isEmpty || !gone.isSubset(of: own) {
                drifts.append(.entries(key, gone: Self.inOrder(gone.subtracting(own)), new: Self.inOrder(new)))
            }
        }
        return drifts
    }

    /// How many entries of the picture were not sighted, but for those that the agent itself has changed. Told by their number, so that a set
    /// is walked only where some are gone.
    private static func count(of left: Set<SetEntry>, without known: PartedSet<SetEntry>, own: Set<SetEntry>) -> Int {
        let (standing, sighted) = (own.count(where: left.contains), own.count(where: known.contains))
        return (left.count - standing) - (known.count - sighted)
    }

    /// The entries in order; as they come where there are so many that to sort them would take longer than a slice.
    private static func inOrder(_ entries: Set<SetEntry>) -> [SetEntry] { entries.count > 4096 ? Array(entries) : entries.sorted() }
}

extension ObservedSet {
    fileprivate init(_ set: ObservedSet, entries: Set<SetEntry>) {
        self = set
        self.entries = entries
    }

    /// Whether the other is the same set but for its entries. One with other room was made anew by somebody.
    fileprivate func isAlike(_ other: ObservedSet) -> Bool {
        typeName == other.typeName && family == other.family && maximumEntries == other.maximumEntries
    }
}

extension VirtualServerState {
    /// Whether a fast look shows all of it.
    package var isShownWhole: Bool { realServers.values.allSatisfy(\.isShownWhole) }
}
