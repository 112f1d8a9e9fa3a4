package import Addresses
package import IPVSModel

/// Something in the kernel that is not as the agent left it: how it was left, and how it was found.
///
/// That is another thing than a difference from what is wanted: what has failed and is yet to be tried again has not drifted.
package enum Drift: Hashable, Sendable {
    case virtualServer(VirtualServer.Key, left: VirtualServerState?, found: VirtualServerState?)
    case timeouts(left: ConnectionTimeouts, found: ConnectionTimeouts)
    case sysctl(String, left: String?, found: String?)
    /// A link takes its addresses with it.
    case link(String, left: DummyLink, found: DummyLink, addresses: Set<IPAddress>)
    case address(IPAddress, on: String, isBound: Bool)
    case set(SetKey, left: ObservedSet?, found: ObservedSet?)
    /// Entries of a set that stands, in order.
    case entries(SetKey, gone: [SetEntry], new: [SetEntry])
    case rules(AddressFamily, left: RuleTables, found: RuleTables)

    /// What drifted, whatever became of it: what is put right as one thing, and comes back as one.
    package var subject: Subject {
        switch self {
        case .virtualServer(let key, _, _): .virtualServer(key)
        case .timeouts: .timeouts
        case .sysctl(let name, _, _): .sysctl(name)
        case .link(let name, _, _, _): .link(name)
        case .address(let address, _, _): .address(address)
        case .set(let key, _, _), .entries(let key, _, _): .set(key)
        case .rules(let family, _, _): .rules(family)
        }
    }

    package enum Subject: Hashable, Sendable {
        /// With its real servers.
        case virtualServer(VirtualServer.Key)
        case timeouts
        case sysctl(String)
        case link(String)
        case address(IPAddress)
        /// With its entries.
        case set(SetKey)
        case rules(AddressFamily)
    }
}

extension NodeState {
    /// What the state is after something was found to be otherwise.
    package mutating func take(_ drift: Drift) {
        switch drift {
        case .virtualServer(let key, _, let found): virtualServers[key] = found
        case .timeouts(_, let found): timeouts = found
        case .sysctl(let name, _, let found): sysctls[name] = found
        case .link(_, _, let found, _):
            link = found
            if found == .absent { addresses = [] }
        case .address(let address, _, let isBound):
            if isBound { addresses.insert(address) } else { addresses.remove(address) }
        case .set(let key, _, let found): sets[key] = found
        case .entries(let key, let gone, let new):
            sets[key]?.entries.subtract(gone)
            sets[key]?.entries.formUnion(new)
        case .rules(let family, _, let found): rules[family] = found
        }
    }
}

extension Drift {
    /// The two sides in a few words; `absent` for nothing.
    package var sides: (left: String, found: String) {
        switch self {
        case .virtualServer(_, let left, let found): (left.inWords, found.inWords)
        case .timeouts(let left, let found): (left.inWords, found.inWords)
        case .sysctl(_, let left, let found): (left ?? "absent", found ?? "absent")
        case .link(_, let left, let found, _): ("\(left)", "\(found)")
        case .address(_, let link, let isBound): isBound ? ("absent", "on \(link)") : ("on \(link)", "absent")
        case .set(_, let left, let found): (left?.typeName ?? "absent", found?.typeName ?? "absent")
        case .entries(_, let gone, let new): ("\(gone.count) entries that are gone", "\(new.count) entries that are new")
        case .rules(_, let left, let found): (left.inWords, found.inWords)
        }
    }
}

extension VirtualServerState? {
    fileprivate var inWords: String {
        map { "\($0.configuration) with \($0.realServers.count) real server\($0.realServers.count == 1 ? "" : "s")" } ?? "absent"
    }
}

extension ConnectionTimeouts {
    fileprivate var inWords: String { "tcp \(tcp)s, tcpfin \(tcpFin)s, udp \(udp)s" }
}

extension RuleTables {
    fileprivate var inWords: String {
        let chains = tables.values.reduce(0) { $0 + $1.chains.count }
        let rules = tables.values.reduce(0) { $0 + $1.jumps.count + $1.chains.values.reduce(0) { $0 + $1.count } }
        return tables.isEmpty ? "absent" : "\(chains) chains and \(rules) rules"
    }
}
