import ArgumentParser

/// `ipvsctl get NOUN`.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "List what stands in the kernel.",
        subcommands: [
            GetServices.self, GetServers.self, GetConnections.self, GetSets.self, GetRules.self, GetAddresses.self, GetTimeouts.self,
            GetDaemons.self, GetDrains.self, GetHealth.self,
        ],
        aliases: ["list", "ls"])
}
