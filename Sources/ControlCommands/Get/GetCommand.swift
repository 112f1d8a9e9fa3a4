import ArgumentParser

/// `ipvsctl get NOUN`.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "List what stands in the kernel.", subcommands: [GetServices.self, GetServers.self])
}
