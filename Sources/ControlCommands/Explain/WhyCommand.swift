import ArgumentParser
import CommandSupport
import IPVS
import Telemetry
import VirtualServerDocuments

/// `ipvsctl why`: why a virtual server works or does not.
struct WhyCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Say why a virtual server works or does not, the first thing wrong first.",
        discussion: """
            What is asked for, what the agent says of it, the kernel's table, the address, sets, rules and settings, on one page. Exits with 1 where \
            something is wrong.
            """)

    @Argument(help: ArgumentHelp("ADDRESS:PORT, or a Service's name.", valueName: "name")) var name: String
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link")) var link = NodeLinks.defaultName
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        var isWrong = false
        try await output.show {
            let knowledge = await agent.knowledge()
            var facts = await NodeFactsRead.read(kernel, dummy: link, connections: false)
            facts.agentAnswers = knowledge.absence == nil
            let status = knowledge.absence == nil ? try? await agent.agent.document(AgentStatus.self, at: "/v1/status") : nil
            let findings = try keys(facts, knowledge).flatMap { key in
                let standing = facts.servers?.first { $0.0.server.key == key }
                return Reasons(
                    key: key, observed: standing?.0, realServers: standing?.1 ?? [], knowledge: knowledge, facts: facts, status: status
                ).findings
            }.worstFirst
            isWrong = findings.contains { $0.gravity == .wrong }
            return ItemList(items: findings)
        }
        if isWrong { throw CommandFailure("") }
    }

    /// What is meant; an address and port also where nothing stands there.
    private func keys(_ facts: NodeFactsRead, _ knowledge: AgentKnowledge) throws -> [VirtualServer.Key] {
        let all = Set((facts.servers ?? []).map(\.0.server.key)).union(knowledge.entries.keys)
        do throws(CommandFailure) {
            return try ServiceNames(all.sorted(), knowledge).keys(of: name)
        } catch {
            guard let key = VirtualServer.Key(asked: name) else { throw error }
            return [key]
        }
    }
}

extension VirtualServer.Key {
    /// What a person asks about: `10.96.0.10:80` (TCP), `udp 10.96.0.10:53`, `10.96.0.10:53/udp`.
    init?(asked text: String) {
        var (socket, transport) = (text, TransportProtocol.tcp)
        if let space = text.firstIndex(of: " "), let named = TransportProtocol(name: String(text[..<space])) {
            (socket, transport) = (String(text[text.index(after: space)...]), named)
        } else if let slash = text.lastIndex(of: "/"), let named = TransportProtocol(name: String(text[text.index(after: slash)...])) {
            (socket, transport) = (String(text[..<slash]), named)
        }
        guard let key = RealServer.Key(socket) else { return nil }
        self = .address(key.address, port: key.port, transport)
    }
}
