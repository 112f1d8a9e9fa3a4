import Agent
import ArgumentParser
import CommandSupport
import LinuxKernel
import Logging
import NodeKernel
import ServiceLifecycle
import ServiceModel
import Telemetry
import UnixSignals

/// `ipvs-agent run`.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Follow what is asked for, and keep the kernel right.",
        discussion: """
            Ends with SIGTERM or SIGINT, and leaves what the kernel balances in force: connections go on, and the next start takes over.
            """)

    @Flag(help: "Bring the kernel to what is asked for, and exit.")
    var once = false

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let assembly = AgentAssembly(try options.resolve())
        try Privilege.check()
        if once {
            try await runOnce(assembly)
        } else {
            let service = try assembly.service(events: EventLog(), board: StatusBoard())
            let lock = try assembly.lock()
            let socket = try await assembly.socket(of: service)
            await assembly.logAdvice()
            // They end from the last to the first: so the socket still tells that the agent stops.
            let group = ServiceGroup(
                configuration: .init(
                    services: [socket, assembly.pages(of: service), service], gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: assembly.logger))
            try await group.run()
            _ = consume lock
        }
    }

    private func runOnce(_ assembly: AgentAssembly) async throws {
        let source = try assembly.source
        let lock = try assembly.lock()
        await assembly.logAdvice()
        let began = ContinuousClock.now
        let update = try SourceReading.readOnce(source)
        let read = ContinuousClock.now - began
        let reconciler = assembly.reconciler()
        var round = await reconciler.take(update)
        // What failed because the kernel was not as it was seen is worth one more look; the rest will not change by waiting.
        if !round.succeeded { round = await reconciler.retry() }
        var spent: Logger.Metadata = ["read-ms": .milliseconds(read), "total-ms": .milliseconds(.now - began)]
        spent.merge(reconciler.times.fields) { $1 }
        let cost = await assembly.kernel.takeCost()
        spent.merge(cost.fields) { $1 }
        assembly.logger.info("applied", metadata: spent)
        _ = consume lock
        print(round.succeeded ? "in force: \(reconciler.summary)" : "not everything is in force: see the errors above")
        try RoundStatus.check(round, problems: update.problems ?? [])
    }
}
