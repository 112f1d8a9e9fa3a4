import Addresses
import FoundationEssentials
import IPVSModel
import ServiceModel

/// What a Service asks for by annotation.
///
/// Whoever may edit a Service must gain nothing on the node by it: these are numbers and names of the kernel's own
/// modules, never a path, a program or another address to connect to.
package struct ServiceOptions: Equatable, Sendable {
    var scheduler: Scheduler?
    var schedulerFlags: SchedulerFlags?
    var onePacket = false
    var weights = Weights()
    /// The name of a policy on this node.
    package private(set) var healthPolicy: String?
    /// How long connections of a real server that goes are waited for.
    package private(set) var drainTimeout: Duration?
    /// Over which time a real server that has recovered comes back to its weight.
    package private(set) var slowStart: Duration?

    /// Annotations that are part of the interface but are served by nothing here yet; each is named in a warning.
    private static let unserved: Set<String> = ["forwarding", "tunnel", "fwmark-group"]
    private static let served = [
        "scheduler", "scheduler-flags", "weights", "one-packet", "health-policy", "drain-timeout", "slow-start",
    ]

    /// Reads the annotations; what is wrong is left at its default and reported.
    init(of service: Service, reporting problems: inout [SourceProblem]) {
        func report(_ key: String, _ message: String) {
            problems.append(
                SourceProblem(
                    place: "Service \(service.name), metadata.annotations[\(Service.annotationPrefix)\(key)]", message: message))
        }
        for (key, value) in service.annotations.sorted(by: { $0.key < $1.key }) {
            switch key {
            case "scheduler":
                scheduler = Scheduler(rawValue: value)
                if scheduler == nil {
                    report(key, "\"\(value)\" is not a scheduler's name; the default is used. Linux has \(Self.schedulerNames)")
                }
            case "scheduler-flags":
                schedulerFlags = SchedulerFlags(names: value)
                if schedulerFlags == nil {
                    report(key, "\"\(value)\" is not a list of scheduler flags; none are set. The flags are fallback, port and flag-3")
                }
            case "one-packet":
                switch value {
                case "true": onePacket = true
                case "false": onePacket = false
                default: report(key, "\"\(value)\" is neither \"true\" nor \"false\"; connections are kept")
                }
            case "weights":
                weights = Weights(json: value) { report(key, $0) }
            case "health-policy":
                healthPolicy = value
            case "drain-timeout":
                drainTimeout = Self.duration(value)
                if drainTimeout == nil { report(key, "\"\(value)\" is not \(Self.durationWords); the default is used") }
            case "slow-start":
                slowStart = Self.duration(value)
                if slowStart == nil { report(key, "\"\(value)\" is not \(Self.durationWords); the policy's is used") }
            case _ where Self.unserved.contains(key):
                report(key, "is not served by this version and has no effect")
            default:
                report(key, "is not known and has no effect. The annotations are \(Self.served.joined(separator: ", "))")
            }
        }
        if onePacket, !service.ports.contains(where: { $0.transport == .udp }) {
            report("one-packet", "has no effect on a Service without a UDP port")
        }
    }

    private static let durationWords = "a length of time up to 24h, such as 30s or 1m30s"

    private static func duration(_ text: String) -> Duration? {
        GoDuration.parse(text).flatMap { $0 <= .seconds(24 * 3600) ? $0 : nil }
    }

    private static var schedulerNames: String { Scheduler.wellKnown.map(\.rawValue).joined(separator: " ") }
}

/// Weights of real servers by address or by zone; 1 where neither is named.
struct Weights: Equatable, Sendable {
    private var byAddress: [IPAddress: Int32] = [:]
    private var byZone: [String: Int32] = [:]

    init() {}

    /// Reads `{"10.244.0.2": 3, "zone/a": 2}`. What is wrong is reported and left out; the rest counts.
    init(json text: String, report: (String) -> Void) {
        guard let weights = try? JSONDecoder().decode([String: Double].self, from: Data(text.utf8)) else {
            report("is not a JSON object of numbers, such as {\"10.244.0.2\": 3, \"zone/a\": 2}; every weight is 1")
            return
        }
        for (name, number) in weights.sorted(by: { $0.key < $1.key }) {
            guard let weight = Int32(exactly: number), weight >= 0 else {
                report("the weight of \"\(name)\" is not a whole number from 0 to 2147483647; it is 1")
                continue
            }
            if name.hasPrefix("zone/"), name.utf8.count > 5 {
                byZone[String(name.dropFirst(5))] = weight
            } else if let address = IPAddress(name) {
                byAddress[address] = weight
            } else {
                report("\"\(name)\" is neither an address nor zone/NAME; it is left out")
            }
        }
    }

    func weight(of endpoint: Endpoint) -> Int32 {
        if let weight = byAddress[endpoint.address] { return weight }
        if let zone = endpoint.zone, let weight = byZone[zone] { return weight }
        return 1
    }
}
