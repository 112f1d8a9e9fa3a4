import ArgumentParser
import CommandSupport
import FoundationEssentials
import Synchronization
import Telemetry

/// `ipvsctl events`: what the agent did, and why.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what the agent did and why.",
        discussion:
            "The agent keeps the latest 4096. With --follow, new ones are shown as they come, also those of an agent that was restarted.")

    @Flag(name: [.customShort("f"), .long], help: "Go on with events to come, until interrupted.") var follow = false
    @Option(help: ArgumentHelp("Only events after this number.", valueName: "number")) var after: UInt64 = 0
    @Option(help: ArgumentHelp("Only those whose object has this in its name.", valueName: "text")) var about: String?
    @Option(name: [.short, .long], help: "How to print: table, json (an object a line) or yaml.") var output = OutputFormat.table
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        let style = Style.standard
        let (output, about) = (output, about)
        var (position, started) = (after, Moment?.none)
        while true {
            let place = Place(position)
            do {
                try await agent.agent.follow("/v1/events?after=\(position)\(follow ? "&follow=true" : "")") { line in
                    guard let event = try? JSONDecoder().decode(AgentEvent.self, from: Data(line.utf8)) else { return true }
                    place.number = event.number
                    if event.kind == .started { place.began = event.time }
                    guard about.map({ event.about.contains($0) }) ?? true else { return true }
                    StandardOutput.write(try Self.text(event, line, output, style) + "\n")
                    return true
                }
                guard follow else { return }
            } catch let problem as AgentSocketProblem {
                // An agent that is being restarted is waited for; one that was never there is not.
                guard follow, place.number > position || started != nil || position > 0 else { throw agent.failure(problem) }
            } catch {
                guard follow else { throw CommandFailure("\(error)") }
            }
            // Numbers begin anew with each start of the agent, which then tells all.
            (position, started) = (place.number, place.began ?? started)
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// How far reading has come; each round has its own.
    private final class Place: Sendable {
        private let content: Mutex<(number: UInt64, began: Moment?)>

        init(_ number: UInt64) { content = Mutex((number, nil)) }

        var number: UInt64 {
            get { content.withLock { $0.number } }
            set { content.withLock { $0.number = newValue } }
        }

        var began: Moment? {
            get { content.withLock { $0.began } }
            set { content.withLock { $0.began = newValue } }
        }
    }

    static func text(_ event: AgentEvent, _ line: String, _ format: OutputFormat, _ style: Style) throws -> String {
        switch format {
        case .json: return line.printableJSON
        case .yaml: return "---\n" + (try DocumentText.yaml(event))
        case .name: return event.about.printable
        case .table, .wide:
            let tone: Tone =
                switch event.kind {
                case .inForce, .recovered, .seen, .sourceMended: .good
                case .drift, .conflict, .lost: .doubtful
                case .driftRecurring, .operationFailed, .hidden, .sourceProblem: .bad
                default: .plain
                }
            let kind = event.kind.rawValue + String(repeating: " ", count: max(15 - event.kind.rawValue.count, 0))
            // What it is about is said where the message does not say it, and it is not the agent itself.
            let subject = event.about == "agent" || event.message.contains(event.about) ? "" : event.about + ": "
            let remedy = event.remedy.map { "; \($0)" } ?? ""
            let message = (subject + event.message + remedy).printable
            return "\(style.paint(event.time.description, .faint))  \(style.paint(kind, tone))  \(message)"
        }
    }
}
