import Addresses
import NodeKernel
import NodeModel

/// Tells what others changed on the link from echoes of what the agent did.
///
/// The agent's own changes are announced, too. An announcement may still be on its way when the agent has already changed the same thing
/// again, and then contradicts its picture. So what contradicts a change of the last second is doubted, until that second is over or a later
/// announcement takes it back.
struct LinkEchoes {
    typealias Instant = ContinuousClock.Instant

    /// How long an announcement may take to arrive.
    static let echoTime = Duration.seconds(1)

    private let linkName: String
    private var ownLink: Instant?
    private var own: [IPAddress: Instant] = [:]
    private var ownLast: Instant?

    private var doubtedLink: (link: DummyLink, time: Instant)?
    private var doubted: [IPAddress: (isBound: Bool, time: Instant)] = [:]
    /// When the doubts are to be looked through; nil where there are none.
    private(set) var due: Instant?

    init(linkName: String) { self.linkName = linkName }

    /// Notes what the agent has done itself.
    mutating func note(_ operation: Operation, at now: Instant) {
        switch operation {
        case .addAddress(let address), .removeAddress(let address):
            if let ownLast, now - ownLast >= Self.echoTime { own = [:] }
            own[address] = now
            ownLast = now
        case .createLink, .silenceLink, .removeLink: ownLink = now
        default: break
        }
    }

    /// What others have changed, as far as it can be told now.
    mutating func judge(_ news: KernelNews, picture: NodeState, at now: Instant) -> [Drift] {
        if let link = news.link { doubtedLink = (link, now) }
        for (address, isBound) in news.addresses { doubted[address] = (isBound, now) }
        let others = news.otherAddresses.filter { picture.otherAddresses[$0.key] != $0.value }.sorted { $0.key < $1.key }
        return judgeDoubts(picture: picture, at: now)
            + others.map { .otherAddress($0.key, left: picture.otherAddresses[$0.key], found: $0.value) }
    }

    /// The same for what was doubted until now.
    mutating func judgeDoubts(picture: NodeState, at now: Instant) -> [Drift] {
        due = nil
        guard doubtedLink != nil || !doubted.isEmpty else { return [] }
        var drifts: [Drift] = []
        var isLinkLost = false
        if let doubt = doubtedLink {
            switch verdict(doubt.link != picture.link, since: doubt.time, own: ownLink, at: now) {
            case .doubtful: break
            case .settled: doubtedLink = nil
            case .true:
                isLinkLost = doubt.link == .absent
                drifts.append(.link(linkName, left: picture.link, found: doubt.link, addresses: isLinkLost ? picture.addresses : []))
                doubtedLink = nil
            }
        }
        var rest: [IPAddress: (isBound: Bool, time: Instant)] = [:]
        for (address, doubt) in doubted.sorted(by: { $0.key < $1.key }) {
            let isBound = !isLinkLost && picture.addresses.contains(address)
            switch verdict(doubt.isBound != isBound, since: doubt.time, own: own[address], at: now) {
            case .doubtful: rest[address] = doubt
            case .settled: break
            case .true: drifts.append(.address(address, on: linkName, isBound: doubt.isBound))
            }
        }
        doubted = rest
        return drifts
    }

    private enum Verdict {
        case `true`
        case settled
        case doubtful
    }

    private mutating func verdict(_ contradicts: Bool, since time: Instant, own: Instant?, at now: Instant) -> Verdict {
        guard contradicts else { return .settled }
        guard let own else { return .true }
        // The agent has changed it after it was announced.
        if own > time { return .settled }
        let end = own + Self.echoTime
        if end <= now { return .true }
        due = min(due ?? end, end)
        return .doubtful
    }
}
