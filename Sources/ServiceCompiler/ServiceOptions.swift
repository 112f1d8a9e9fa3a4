import Addresses
import IPVSModel
import NearNames
import ServiceModel

/// What a Service asks for by annotation.
///
/// Whoever may edit a Service must gain nothing on the node by it: these are numbers and names of the kernel's own
/// modules, never a path, a program or another address to connect to.
///
/// What is wrong is refused and reported, and what was in force before stays; where there was nothing, the default.
package struct ServiceOptions: Equatable, Sendable {
    var scheduler: Scheduler?
    var schedulerFlags: SchedulerFlags?
    var onePacket = false
    var weights = Weights()
    /// How packets reach real servers; the kind of a tunnel is apart.
    var method = Method.masquerade
    var tunnel = Tunnel.ipip
    /// The name under which the ports are served by one virtual server.
    private(set) var group: String?
    /// The name of a policy on this node.
    package private(set) var healthPolicy: String?
    /// How long connections of a real server that goes are waited for.
    package private(set) var drainTimeout: Duration?
    /// Over which time a real server that has recovered comes back to its weight.
    package private(set) var slowStart: Duration?

    enum Method: String, CaseIterable {
        case masquerade, direct, tunnel
    }

    /// How packets reach real servers.
    var forwarding: ForwardingMethod {
        switch method {
        case .masquerade: .masquerade
        case .direct: .direct
        case .tunnel: .tunnel(tunnel)
        }
    }

    private static let served = [
        "scheduler", "scheduler-flags", "weights", "one-packet", "forwarding", "tunnel", "fwmark-group", "health-policy", "drain-timeout",
        "slow-start",
    ]

    /// Reads the annotations. A scheduler that Linux itself does not have is taken only where the node uses it for all.
    init(
        of service: Service, previous: ServiceOptions? = nil, default: Scheduler = .roundRobin, reporting problems: inout [SourceProblem]
    ) {
        func report(_ key: String, _ message: String) {
            problems.append(
                SourceProblem(
                    place: "\(service.name.words), metadata.annotations[\(Service.annotationPrefix)\(key)]", message: message))
        }
        /// Refuses a word, names the one that may have been meant, and says what stays.
        func refuse(_ key: String, _ value: String, _ what: String, near words: [String] = []) {
            let stays = previous == nil ? "the default is used" : "what was in force stays"
            report(key, "\"\(value.prefix(100))\" \(what); \(stays)\(NearNames.suggestion(for: value, among: words))")
        }
        for (key, value) in service.annotations.sorted(by: { $0.key < $1.key }) {
            switch key {
            case "scheduler":
                scheduler = Self.scheduler(value, default: `default`)
                if scheduler == nil {
                    scheduler = previous?.scheduler
                    let names = Scheduler.wellKnown.map(\.rawValue)
                    refuse(key, value, "is not a scheduler's name: Linux has \(names.joined(separator: " "))", near: names)
                }
            case "scheduler-flags":
                schedulerFlags = SchedulerFlags(names: value)
                if schedulerFlags == nil {
                    schedulerFlags = previous?.schedulerFlags
                    refuse(
                        key, value, "is not a list of scheduler flags: they are fallback, port and flag-3",
                        near: ["fallback", "port", "flag-3"])
                }
            case "one-packet":
                switch value {
                case "true": onePacket = true
                case "false": onePacket = false
                default:
                    onePacket = previous?.onePacket ?? false
                    refuse(key, value, "is neither \"true\" nor \"false\"", near: ["true", "false"])
                }
            case "weights":
                weights = Weights(json: value, previous: previous?.weights) { report(key, $0) }
            case "forwarding":
                if let word = Method(rawValue: value) {
                    method = word
                } else {
                    method = previous?.method ?? .masquerade
                    let words = Method.allCases.map(\.rawValue)
                    refuse(key, value, "is none of \(words.joined(separator: ", "))", near: words)
                }
            case "tunnel":
                if let kind = Tunnel(words: value) {
                    tunnel = kind
                } else {
                    tunnel = previous?.tunnel ?? .ipip
                    refuse(
                        key, value,
                        "is no tunnel: they are ipip, gre and gue:PORT, with +csum or +remcsum behind it where there is a checksum",
                        near: ["ipip", "gre", "gre+csum", "gue:6080", "gue:6080+csum", "gue:6080+remcsum"])
                }
            case "health-policy":
                healthPolicy = value
            case "drain-timeout":
                drainTimeout = Self.duration(value)
                if drainTimeout == nil {
                    drainTimeout = previous?.drainTimeout
                    refuse(key, value, "is not \(Self.durationWords)")
                }
            case "slow-start":
                slowStart = Self.duration(value)
                if slowStart == nil {
                    slowStart = previous?.slowStart
                    refuse(key, value, "is not \(Self.durationWords)")
                }
            case Self.groupKey:
                group = Self.group(of: service, previous: previous)
                if !Self.isGroupName(value) {
                    refuse(key, value, "is no name of a group: at most 63 lower-case letters, digits and hyphens")
                }
            default:
                report(
                    key,
                    "is not known and has no effect. The annotations are \(Self.served.joined(separator: ", "))"
                        + NearNames.suggestion(for: key, among: Self.served))
            }
        }
        if service.annotations["tunnel"] != nil, method != .tunnel { report("tunnel", "has no effect where forwarding is not tunnel") }
        if onePacket, !service.ports.contains(where: { $0.transport == .udp }) {
            report("one-packet", "has no effect on a Service without a UDP port")
        }
    }

    static let groupKey = "fwmark-group"

    /// The name of the group that a Service's ports are in.
    static func group(of service: Service, previous: ServiceOptions?) -> String? {
        service.annotations[groupKey].flatMap { isGroupName($0) ? $0 : previous?.group }
    }

    /// As Kubernetes' names are (RFC 1123).
    private static func isGroupName(_ text: String) -> Bool {
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 63 else { return false }
        return isLetterOrDigit(first) && isLetterOrDigit(last) && text.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    }

    private static func scheduler(_ text: String, default: Scheduler) -> Scheduler? {
        guard let scheduler = Scheduler(rawValue: text), Scheduler.wellKnown.contains(scheduler) || scheduler == `default` else {
            return nil
        }
        return scheduler
    }

    private static let durationWords = "a length of time up to 24h, such as 30s or 1m30s"

    private static func duration(_ text: String) -> Duration? {
        GoDuration.parse(text).flatMap { $0 <= .seconds(24 * 3600) ? $0 : nil }
    }
}

extension Tunnel {
    /// Reads what `description` writes: `ipip`, `gre+csum`, `gue:6080+remcsum`.
    init?(words text: String) {
        var name = text[...]
        var checksum = Checksum.none
        for (ending, meaning) in [("+remcsum", Checksum.remote), ("+csum", .full)] where name.hasSuffix(ending) {
            name = name.dropLast(ending.count)
            checksum = meaning
            break
        }
        switch name {
        // IP in IP has no checksum of its own; the other end's work can be left to it in generic UDP encapsulation only.
        case "ipip" where checksum == .none: self.init(.ipip)
        case "gre" where checksum != .remote: self.init(.gre, checksum: checksum)
        case _ where name.hasPrefix("gue:"):
            guard let port = UInt16(name.dropFirst(4)), port > 0 else { return nil }
            self.init(.gue(port: port), checksum: checksum)
        default: return nil
        }
    }
}
