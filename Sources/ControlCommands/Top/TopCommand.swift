import ArgumentParser
import CommandSupport
import Glibc
import IPVS
import Sysctls
import Telemetry

/// `ipvsctl top`: what is balanced at this moment.
struct TopCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch connections, packets and bytes, live.",
        discussion: """
            Rates are those of the kernel's estimator, which looks every 2 s; where it is off they stand still, and the screen says so. Enter opens \
            a virtual server, / searches, s sorts, d drains a real server (by the agent), q ends.
            """)

    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds")) var interval = 2.0
    @Flag(help: "Print one screen and end; no terminal is needed.") var once = false
    @Option(help: ArgumentHelp("Columns, with --once.", valueName: "columns")) var columns = 80
    @Option(help: ArgumentHelp("Lines, with --once.", valueName: "lines")) var lines = 24
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func validate() throws {
        guard interval >= 0.1, interval <= 3600 else { throw ValidationError("--interval is 0.1 to 3600 seconds") }
        guard (20...1000).contains(columns), (6...1000).contains(lines) else {
            throw ValidationError("a screen has 20 to 1000 columns and 6 to 1000 lines")
        }
    }

    func run() async throws {
        var model = TopModel()
        model.host = Self.host
        var knowledge = await agent.knowledge()
        model.notes = knowledge.notes
        if once {
            try look(&model, knowledge)
            let screen = TopScreen(width: columns, height: lines, style: .standard, hasBlocks: true)
            return StandardOutput.write(screen.compose(&model).joined(separator: "\n") + "\n")
        }
        guard let terminal = Terminal() else {
            throw CommandFailure("top needs a terminal; top --once prints one screen", status: ExitStatus.invalid)
        }
        var nextLook = ContinuousClock.now
        var nextNames = ContinuousClock.now + .seconds(30)
        while !terminal.isToEnd {
            let now = ContinuousClock.now
            if now >= nextLook {
                try look(&model, knowledge)
                nextLook = now + .seconds(interval)
            }
            if now >= nextNames {
                knowledge = await agent.knowledge()
                model.notes = knowledge.notes
                nextNames = ContinuousClock.now + .seconds(30)
            }
            let size = terminal.size
            let screen = TopScreen(width: size.width, height: size.height, style: .standard, hasBlocks: Self.hasBlocks, canInvert: true)
            terminal.draw(screen.compose(&model))
            guard let keys = terminal.keys(within: 200) else { return }
            for key in keys {
                model.message = ""
                switch model.press(key, page: screen.page) {
                case .quit: return
                case .none: break
                case .look:
                    model.openedService = model.opened.flatMap { knowledge[$0]?.service }
                    nextLook = ContinuousClock.now
                case .drain(let service, let server): model.message = await drain(service, server)
                }
            }
        }
    }

    private func look(_ model: inout TopModel, _ knowledge: AgentKnowledge) throws {
        model.time = String(Moment.now.description.dropFirst(11).prefix(8))
        model.isEstimatorOff = (try? SysctlFiles().read("net.ipv4.vs.run_estimation")) == "0"
        if let opened = model.opened {
            let servers = try kernel.withKernel { (handle) throws(IPVSError) in try handle.realServers(of: opened) }
            model.take(realServers: servers)
        } else {
            let services = try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.summaries(&handle) }
            model.take(services: services, knowledge)
        }
    }

    private func drain(_ service: String, _ server: RealServer.Key) async -> String {
        do throws(AgentSocketProblem) {
            try await agent.agent.say(.drain, scope: .endpoint, key: "\(service)/\(server)", reason: "ipvsctl top")
            return "\(server) drains; ipvsctl ready \(service)/\(server) takes it back"
        } catch {
            return error.text(agent.socket)
        }
    }

    private static var host: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: &name.nodename) { bytes in unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Whether the locale's characters are UTF-8 (`setlocale(3)`: LC_ALL, then LC_CTYPE, then LANG).
    private static var hasBlocks: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = unsafe getenv(name).map({ unsafe String(cString: $0) }), !value.isEmpty else { continue }
            return value.uppercased().contains("UTF-8") || value.uppercased().contains("UTF8")
        }
        return false
    }
}
