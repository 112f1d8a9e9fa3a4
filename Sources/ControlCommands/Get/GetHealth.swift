import ArgumentParser
import CommandSupport
import Telemetry

/// `ipvsctl get health`: backends that are probed.
struct GetHealth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "List backends that are probed, those that are down first (the agent says).")

    @OptionGroup(title: "Output") var output: OutputOptions
    @Flag(help: "Only those that are not up.") var down = false
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            do throws(AgentSocketProblem) {
                let document = try await agent.agent.document(Document.self, at: "/v1/health")
                var notes = ["\(document.count) are probed, \(document.down) of them down"]
                notes += document.impaired.map { "\($0.virtualServer) of \($0.service): \($0.mode)" }
                return ItemList(items: document.items.filter { !down || $0.verdict != "up" }, notes: notes)
            } catch {
                throw agent.failure(error)
            }
        }
    }

    private struct Document: Decodable {
        var count: Int
        var down: Int
        var items: [HealthItem]
        var impaired: [Impaired]

        struct Impaired: Decodable {
            var service: String
            var virtualServer: String
            var mode: String
        }
    }
}

/// A probed backend in a listing, as the agent tells it.
struct HealthItem: ListedItem, Decodable {
    static var kind: String { "HealthListing" }

    var address: String
    var port: UInt16?
    var check: String
    var verdict: String
    var reason: String?
    var since: Moment
    var hindrance: String?
    var services: [String]

    var name: String { port.map { (address.contains(":") ? "[\(address)]" : address) + ":\($0)" } ?? address }

    static var columns: [ListedColumn<HealthItem>] {
        [
            .text("BACKEND") { $0.name }, .text("CHECK") { $0.check },
            .text("VERDICT") { $0.verdict }.toned { $0.verdict == "up" ? .good : $0.verdict == "down" ? .bad : .doubtful },
            .text("SINCE") { $0.since.description }, .text("SERVICES") { $0.services.joined(separator: ",") },
            .text("REASON", .ifAny) { $0.reason ?? "" }, .text("HINDRANCE", .ifAny) { $0.hindrance ?? "" },
        ]
    }
}
