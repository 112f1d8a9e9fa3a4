import Addresses
import IPVSModel

extension Drift: CustomStringConvertible {
    /// Says exactly what is otherwise, from what to what: `virtual server tcp 10.96.0.10:80: real server 10.244.1.5:8080 has weight 0
    /// instead of 1`.
    package var description: String {
        switch self {
        case .virtualServer(_, let left?, nil):
            return "\(subject) is gone" + Self.with(left.realServers.count, "real server", "real servers")
        case .virtualServer(_, nil, let found?):
            return "\(subject) has appeared (\(found.configuration))" + Self.with(found.realServers.count, "real server", "real servers")
        case .virtualServer(_, let left?, let found?): return "\(subject): \(Self.listed(left.differences(to: found)))"
        case .virtualServer(_, nil, nil): return "\(subject) is gone"
        case .timeouts(let left, let found): return "\(subject): \(Self.listed(left.differences(to: found)))"
        case .sysctl(_, let left, let found): return "\(subject) is \(found ?? "unreadable") instead of \(left ?? "unreadable")"
        case .link(_, _, .absent, let addresses): return "\(subject) is gone" + Self.with(addresses.count, "address", "addresses")
        case .link(_, let left, let found, _): return "\(subject) is \(found) instead of \(left)"
        case .address(_, let link, let isBound): return isBound ? "\(subject) has appeared on \(link)" : "\(subject) is gone from \(link)"
        case .otherAddress(_, let left, nil): return "\(subject) is gone from \(left ?? "its link")"
        case .otherAddress(_, _, let found?): return "\(subject) is on \(found)"
        case .set(_, let left, nil): return "\(subject) is gone" + Self.with(left?.entries.count ?? 0, "entry", "entries")
        case .set(_, nil, let found?): return "\(subject) has appeared (\(found.kind))"
        case .set(_, let left?, let found?) where left.kind == found.kind:
            return "\(subject) has room for \(found.maximumEntries) entries instead of \(left.maximumEntries)"
        case .set(_, let left?, let found?): return "\(subject) is \(found.kind) instead of \(left.kind)"
        case .entries(let key, let gone, let new):
            return [Self.entries(gone, "gone from", key), Self.entries(new, "new in", key)].compactMap(\.self).joined(separator: "; ")
        case .rules(_, let left, let found): return "\(subject) \(Self.listed(left.differences(to: found)))"
        }
    }

    /// The most things of one kind that are named; the rest is counted.
    private static let most = 5

    static func listed(_ texts: [String]) -> String {
        texts.prefix(most).joined(separator: ", ") + (texts.count > most ? " and \(texts.count - most) more differences" : "")
    }

    private static func with(_ count: Int, _ thing: String, _ things: String) -> String {
        count == 0 ? "" : ", with \(count == 1 ? "its \(thing)" : "its \(count) \(things)")"
    }

    private static func entries(_ entries: [SetEntry], _ what: String, _ key: SetKey) -> String? {
        guard let first = entries.first else { return nil }
        guard entries.count > 1 else { return "entry \(first) is \(what) set \(key)" }
        let names = entries.prefix(most).map(\.description).joined(separator: " ")
        return "\(entries.count) entries are \(what) set \(key): \(names)\(entries.count > most ? " …" : "")"
    }
}

extension Drift.Subject: CustomStringConvertible {
    /// `virtual server tcp 10.96.0.10:80`, `set KUBE-CLUSTER-IP`, `rules of IPv4`.
    package var description: String {
        switch self {
        case .virtualServer(let key): "virtual server \(key)"
        case .timeouts: "timeouts"
        case .sysctl(let name): "sysctl \(name)"
        case .link(let name): "link \(name)"
        case .address(let address): "address \(address)"
        case .set(let key): "set \(key)"
        case .rules(let family): "rules of \(family)"
        }
    }
}

extension VirtualServerState {
    fileprivate func differences(to found: VirtualServerState) -> [String] {
        var texts = configuration.differences(to: found.configuration)
        for (key, standing) in realServers.sorted(by: { $0.key < $1.key }) {
            guard let now = found.realServers[key] else {
                texts.append("real server \(key) is gone")
                continue
            }
            texts += standing.differences(to: now).map { "real server \(key) has \($0)" }
        }
        for (key, new) in found.realServers.sorted(by: { $0.key < $1.key }) where realServers[key] == nil {
            texts.append("real server \(key) has appeared (\(new))")
        }
        return texts
    }
}

extension VirtualServer.Configuration {
    fileprivate func differences(to found: Self) -> [String] {
        var texts: [String] = []
        if scheduler != found.scheduler { texts.append("scheduler \(found.scheduler) instead of \(scheduler)") }
        if schedulerFlags != found.schedulerFlags {
            texts.append("scheduler flags \(found.schedulerFlags.orNone) instead of \(schedulerFlags.orNone)")
        }
        if persistence != found.persistence {
            texts.append("\(found.persistence.orNone) instead of \(persistence.orNone)")
        }
        if persistenceEngine != found.persistenceEngine {
            texts.append("persistence engine \(found.persistenceEngine ?? "none") instead of \(persistenceEngine ?? "none")")
        }
        if onePacket != found.onePacket {
            texts.append(found.onePacket ? "one-packet scheduling on instead of off" : "one-packet scheduling off instead of on")
        }
        return texts
    }
}

extension RealServer.Configuration {
    fileprivate func differences(to found: Self) -> [String] {
        var texts: [String] = []
        if forwarding != found.forwarding { texts.append("forwarding \(found.forwarding) instead of \(forwarding)") }
        if weight != found.weight { texts.append("weight \(found.weight) instead of \(weight)") }
        if (upperThreshold, lowerThreshold) != (found.upperThreshold, found.lowerThreshold) {
            texts.append(
                "connection thresholds \(found.lowerThreshold)…\(found.upperThreshold) instead of \(lowerThreshold)…\(upperThreshold)")
        }
        return texts
    }
}

extension SchedulerFlags {
    fileprivate var orNone: String { isEmpty ? "none" : "\(self)" }
}

extension VirtualServer.Persistence? {
    fileprivate var orNone: String { map { "persistence of \($0.timeout)s\($0.granularity)" } ?? "no persistence" }
}

extension ConnectionTimeouts {
    fileprivate func differences(to found: Self) -> [String] {
        [("tcp", tcp, found.tcp), ("tcpfin", tcpFin, found.tcpFin), ("udp", udp, found.udp)].filter { $0.1 != $0.2 }.map {
            "\($0.0) is \($0.2)s instead of \($0.1)s"
        }
    }
}

extension DummyLink: CustomStringConvertible {
    package var description: String {
        switch self {
        case .absent: "absent"
        case .present(let kind, let noARP): "of kind \(kind) \(noARP ? "without ARP" : "with ARP")"
        }
    }
}

extension ObservedSet {
    fileprivate var kind: String { "\(typeName) of \(family)\(keepsMarks ? " with marks" : "")" }
}
