import ArgumentParser
import Glibc

/// What the benchmark of probes is made of: servers, and a prober in a process of its own, so that each one's CPU can be told.
@main
struct ProbeLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe-load", abstract: "Probes many addresses of loopback, and says what that costs.",
        subcommands: [ServeCommand.self, ProbeCommand.self])
}

enum CheckKind: String, CaseIterable, ExpressibleByArgument {
    case tcp, http
}
