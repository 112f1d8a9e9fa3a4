import FoundationEssentials
import IPVS
import Telemetry

/// What only the agent knows of what stands in the kernel: names, and whether it is as it is wanted. Empty where no agent answered.
struct AgentKnowledge: Sendable {
    /// What is known of one virtual server.
    struct Entry: Sendable, Equatable {
        /// `default/web`.
        var service: String
        var state: Standing
        var report: VirtualServerReport
    }

    private(set) var entries: [VirtualServer.Key: Entry] = [:]
    private(set) var services: [ServiceReport] = []
    private var labels: [String: [String: String]] = [:]
    /// Whether the agent that answered says which labels Services have.
    private(set) var tellsLabels = true
    /// Why nothing is known; nil where the agent answered.
    var absence: String?

    init() {}

    init(_ services: [ServiceReport]) {
        self.services = services
        for service in services {
            if let own = service.labels { labels[service.name] = own } else { tellsLabels = false }
            for report in service.virtualServers where report.state != .taken {
                for key in report.keys { entries[key] = Entry(service: service.name, state: report.state, report: report) }
            }
        }
    }

    subscript(key: VirtualServer.Key) -> Entry? { entries[key] }

    /// What a Service is labelled with; nil where there is no such Service, or nobody says.
    func labels(of service: String) -> [String: String]? { labels[service] }

    /// What to say about an agent that did not answer.
    var notes: [String] { absence.map { ["names, states and health are missing: " + $0] } ?? [] }
}

extension VirtualServerReport {
    /// The keys that it may have in the kernel; the family of a firewall mark is not told.
    var keys: [VirtualServer.Key] {
        if let firewallMark { return AddressFamily.allCases.map { .firewallMark(firewallMark, $0) } }
        guard let address = address.flatMap({ IPAddress($0) }), let port,
            let transport = self.protocol.flatMap(TransportProtocol.init(name:))
        else { return [] }
        return [.address(address, port: port, transport)]
    }
}

extension AgentSocket {
    /// What the agent says of its Services; nothing, with the reason, where it does not answer.
    func knowledge() async -> AgentKnowledge {
        var nothing = AgentKnowledge()
        do throws(AgentSocketProblem) {
            let answer = try await ask("/v1/services")
            guard answer.status == 200 else { throw .refused(answer.status, String(decoding: answer.body, as: UTF8.self)) }
            guard let list = try? JSONDecoder().decode(ServiceReports.self, from: Data(answer.body)) else {
                throw .broken("its list of Services is not understood")
            }
            return AgentKnowledge(list.items)
        } catch {
            nothing.absence = error.text(path)
            return nothing
        }
    }

    private struct ServiceReports: Decodable {
        var items: [ServiceReport]
    }

    /// A document that the agent gives.
    func document<Document: Decodable>(_ type: Document.Type, at target: String) async throws(AgentSocketProblem) -> Document {
        let answer = try await ask(target)
        guard answer.status == 200 else { throw .refused(answer.status, String(decoding: answer.body, as: UTF8.self)) }
        do {
            return try JSONDecoder().decode(type, from: Data(answer.body))
        } catch {
            throw .broken("its answer to \(target) is not understood")
        }
    }
}
