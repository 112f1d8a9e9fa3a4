import Foundation
import Logging
import Synchronization
import Telemetry

let noon = Moment(millisecondsSince1970: 1_772_366_400_000)
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// An agent with so many Services that answers at once, or fails as it is told.
final class StubAgent: AgentInquiry {
    let names: [String]
    private let failure = Mutex<InquiryFailure?>(nil)
    private let largest = Mutex(0)

    init(services: Int = 3) { names = (0..<services).map { String(format: "default/s%05d", $0) }.reversed() }

    /// The most Services that were asked for at a time.
    var largestBatch: Int { largest.withLock { $0 } }

    func fail(_ new: InquiryFailure?) { failure.withLock { $0 = new } }

    private func check() throws(InquiryFailure) { if let failure = failure.withLock({ $0 }) { throw failure } }

    func status() async throws(InquiryFailure) -> AgentStatus {
        try check()
        return AgentStatus(
            time: noon, version: "1", node: "n1", process: 7, started: noon, inForceSince: noon, hasBeenInForce: true,
            wanted: .init(services: names.count))
    }

    func serviceNames() async throws(InquiryFailure) -> [String] {
        try check()
        return names
    }

    func entrances(of services: [String]) async throws(InquiryFailure) -> [ServiceEntrances] {
        try check()
        return services.filter(names.contains).map { ServiceEntrances(service: $0, names: []) }
    }

    func services(_ names: [String]) async throws(InquiryFailure) -> [ServiceReport] {
        try check()
        largest.withLock { $0 = max($0, names.count) }
        return names.filter(self.names.contains).map { name in
            ServiceReport(
                name: name, addresses: ["10.96.0.1"],
                virtualServers: [
                    VirtualServerReport(
                        address: "10.96.0.1", port: 80, protocol: "tcp", scheduler: "rr", state: .inForce,
                        realServers: [.init(address: "10.244.0.1", port: 8080, weight: 1, forwarding: "masquerade", state: .inForce)])
                ])
        }
    }

    func drift() async throws(InquiryFailure) -> DriftDocument {
        try check()
        return DriftDocument(time: noon, sweep: nil, count: 0, items: [])
    }

    func health() async throws(InquiryFailure) -> HealthDocument {
        try check()
        return HealthDocument(
            time: noon, policies: ["web"], count: 1, down: 1,
            items: [
                .init(
                    address: "10.244.0.1", port: 8080, check: "tcp", verdict: "down", reason: "connection refused", since: noon,
                    hindrance: nil, services: ["default/web"])
            ], impaired: [])
    }

    func drains() async throws(InquiryFailure) -> DrainDocument {
        try check()
        return DrainDocument(
            time: noon, count: 1,
            items: [
                .init(
                    service: "default/web", virtualServer: "tcp 10.96.0.1:80", realServer: "10.244.0.1:8080", reason: "drained by hand",
                    since: noon, deadline: noon, waitsFor: ["active"], active: 1, inactive: 2, persistent: 0)
            ])
    }

    func plan() async throws(InquiryFailure) -> PlanDocument {
        try check()
        return PlanDocument(time: noon, sweep: nil, count: 1, operations: ["bind address 10.96.0.1"])
    }
}

/// Takes down what is said, or refuses it as it is told.
final class StubAdministration: AgentAdministration {
    private let content = Mutex<(items: [HandReport], failure: AdministrationFailure?)>(([], nil))

    func fail(_ new: AdministrationFailure?) { content.withLock { $0.failure = new } }

    func hands() -> HandStateList { HandStateList(content.withLock { $0.items }) }

    func set(_ scope: String, _ key: String, _ request: HandRequest) throws(AdministrationFailure) -> HandReport {
        let report = HandReport(
            scope: scope, key: key, state: request.state, reason: request.reason, owner: request.owner, since: noon,
            expires: request.expires)
        let result: Result<HandReport, AdministrationFailure> = content.withLock { content in
            if let failure = content.failure { return .failure(failure) }
            content.items.append(report)
            return .success(report)
        }
        return try result.get()
    }

    func clear(_ scope: String, _ key: String) throws(AdministrationFailure) -> HandReport? {
        content.withLock { content in
            guard let place = content.items.firstIndex(where: { $0.scope == scope && $0.key == key }) else { return nil }
            return content.items.remove(at: place)
        }
    }
}

/// A directory of its own for each test, short enough for a socket.
final class ShortDirectory: Sendable {
    let path: String

    init() throws {
        path = "/tmp/cs-" + String(UUID().uuidString.prefix(12))
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var socket: String { path + "/agent.sock" }
}

/// Notes what it is asked for, or refuses it as it is told.
final class StubChanges: AgentChanges {
    private let content = Mutex<(requests: [ChangeRequest], failure: ChangeFailure?)>(([], nil))

    var requests: [ChangeRequest] { content.withLock { $0.requests } }
    func fail(_ new: ChangeFailure?) { content.withLock { $0.failure = new } }

    func apply(_ request: ChangeRequest) async throws(ChangeFailure) -> ChangeReport {
        let failure = content.withLock { content in
            content.requests.append(request)
            return content.failure
        }
        if let failure { throw failure }
        return ChangeReport(
            time: noon, isTrial: request.isTrial,
            operations: [.init(operation: "remove virtual server tcp 10.0.0.1:80", outcome: request.isTrial ? "planned" : "done")],
            looksEverySeconds: 30)
    }
}
