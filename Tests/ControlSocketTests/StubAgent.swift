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

    func plan() async throws(InquiryFailure) -> PlanDocument {
        try check()
        return PlanDocument(time: noon, sweep: nil, count: 1, operations: ["bind address 10.96.0.1"])
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
