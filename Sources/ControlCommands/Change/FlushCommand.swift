import ArgumentParser
import CommandSupport
import IPVS
import Planner
import VirtualServerDocuments

/// `ipvsctl flush`: takes virtual servers away.
struct FlushCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush", abstract: "Take away all virtual servers, after a question.",
        discussion: "Others' virtual servers stay, unless --force is given. The table is written down first: rollback brings it back.")

    @Flag(name: [.short, .long], help: "Do not ask.") var yes = false
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        if !yes { try Question.ask("This takes away \(change.force ? "all" : "our") virtual servers of this network namespace. Go on?") }
        try await change.carryOut(kernel) { table, owners in
            TableChange(
                from: table.servers, to: [:], removing: { _ in true }, isOurs: { change.force || owners.isOurs($0) })
        }
    }
}

/// `ipvsctl zero`: sets counters to zero.
struct ZeroCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "zero", abstract: "Set counters to zero.",
        discussion: "Of all virtual servers, or of some with their real servers. Nothing else changes, so no lock is taken.")

    @Argument(help: ArgumentHelp("A Service's name, or ADDRESS:PORT.", valueName: "name")) var names: [String] = []
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        guard !names.isEmpty else { return try kernel.withKernel { (handle) throws(IPVSError) in try handle.zero() } }
        let knowledge = await agent.knowledge()
        let all = try kernel.withKernel { (handle) throws(IPVSError) in try handle.virtualServers().map(\.server.key) }
        let keys = try names.flatMap { try ServiceNames(all, knowledge).keys(of: $0) }
        try kernel.withKernel { (handle) throws(IPVSError) in for key in keys { try handle.zero(key) } }
    }
}
