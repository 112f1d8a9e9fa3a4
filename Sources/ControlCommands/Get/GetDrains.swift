import ArgumentParser
import CommandSupport
import Telemetry

/// `ipvsctl get drains`: real servers that take no new connections and are to go.
struct GetDrains: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drains", abstract: "List real servers that drain (the agent says).", aliases: ["drain"])

    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            do throws(AgentSocketProblem) {
                return ItemList(items: try await agent.agent.document(Document.self, at: "/v1/drains").items)
            } catch {
                throw agent.failure(error)
            }
        }
    }

    private struct Document: Decodable {
        var items: [DrainItem]
    }
}

/// A drain in a listing, as the agent tells it.
struct DrainItem: ListedItem, Decodable {
    static var kind: String { "DrainListing" }

    var service: String
    var virtualServer: String
    var realServer: String
    var reason: String
    var since: Moment
    var deadline: Moment
    var waitsFor: [String]
    var active: UInt32?
    var inactive: UInt32?
    var persistent: UInt32?

    var name: String { "\(service)/\(realServer)" }

    static var columns: [ListedColumn<DrainItem>] {
        [
            .text("SERVICE") { $0.service }, .text("VIRTUAL SERVER") { $0.virtualServer }, .text("REAL SERVER") { $0.realServer },
            ListedColumn(title: "ACTIVE", isNumber: true) { $0.active.map { "\($0)" } ?? "" },
            ListedColumn(title: "INACTIVE", isNumber: true) { $0.inactive.map { "\($0)" } ?? "" },
            .text("WAITS FOR") { $0.waitsFor.joined(separator: ",") }, .text("DEADLINE") { $0.deadline.description },
            .text("REASON") { $0.reason }, .text("SINCE", .wide) { $0.since.description },
        ]
    }
}
