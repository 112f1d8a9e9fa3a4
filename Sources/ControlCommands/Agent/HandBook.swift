import IPVS
import Telemetry
import VirtualServerDocuments

/// What people have said of backends by hand, found by whom it concerns.
struct HandBook: Sendable {
    /// All of it, the narrowest first.
    let reports: [HandReport]
    private var byService: [String: [Place]] = [:]
    private var byAddress: [IPAddress: [Place]] = [:]

    /// Something that was said, and of whom: all that is given has to fit.
    private struct Place: Sendable {
        var report: HandReport
        var service: String?
        var port: UInt16?
    }

    init(_ reports: [HandReport] = []) {
        self.reports = reports.sorted { ($0.breadth, $0.key, $0.state) < ($1.breadth, $1.key, $1.state) }
        for report in self.reports {
            let (service, address, port) = report.target
            let place = Place(report: report, service: service, port: port)
            if let address {
                byAddress[address, default: []].append(place)
            } else if let service {
                byService[service, default: []].append(place)
            }
        }
    }

    /// What is said of a backend of a Service, the narrowest first: that is what counts. A port that is not known fits every port.
    func concerning(_ service: String, _ address: IPAddress, port: UInt16?) -> [HandReport] {
        let own = (byAddress[address] ?? []).filter { place in
            place.service.map { $0 == service } ?? true && place.port.map { $0 == port ?? $0 } ?? true
        }
        return (own + (byService[service] ?? [])).map(\.report).sorted { $0.breadth < $1.breadth }
    }

    func concerning(_ service: String?, _ server: RealServer.Key) -> [HandReport] {
        service.map { concerning($0, server.address, port: server.port) } ?? []
    }

    /// What is said of a Service as a whole, and of its endpoints by name, whether they are there or not.
    func naming(_ service: String) -> [HandReport] { reports.filter { $0.target.service == service } }
}

extension HandReport {
    /// How much it is about: an endpoint, a backend's address in a Service, an address, a Service.
    fileprivate var breadth: Int {
        switch scope {
        case "endpoint": target.port == nil ? 1 : 0
        case "address": 2
        default: 3
        }
    }

    /// Of whom it is said. Keys are as the agent writes them: `default/web/10.244.0.2:8080`, `10.244.0.2`, `default/web`.
    var target: (service: String?, address: IPAddress?, port: UInt16?) {
        switch scope {
        case "address": return (nil, IPAddress(key), nil)
        case "service": return (key, nil, nil)
        default:
            let parts = key.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { return (nil, nil, nil) }
            let service = "\(parts[0])/\(parts[1])"
            if let server = RealServer.Key(parts[2]) { return (service, server.address, server.port) }
            return (service, IPAddress(parts[2]), nil)
        }
    }

    /// In words: `drain by ann, "new disk", until 2026-12-01T08:00:00.000Z`.
    var words: String {
        var words = state
        if let weight { words += " \(weight)" }
        if let over, let weight, reached != Double(weight) {
            words += " within \(Self.shown(over)) s"
            if let reached { words += " (\(Self.shown(reached)) so far)" }
        }
        switch scope {
        case "address": words += " of the address"
        case "service": words += " of the Service"
        default: break
        }
        if let owner { words += " by \(owner)" }
        if let reason { words += ", \"\(reason)\"" }
        if let expires { words += ", until \(expires)" }
        return words
    }

    private static func shown(_ number: Double) -> String {
        let text = "\((number * 100).rounded() / 100)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

extension [HandReport] {
    var words: String { map(\.words).joined(separator: "; ") }
}

extension AgentSocket {
    /// What is said by hand.
    func handBook() async throws(AgentSocketProblem) -> HandBook {
        HandBook(try await document(HandStateList.self, at: "/v1/admin").items)
    }
}
