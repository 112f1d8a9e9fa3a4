package import ArgumentParser
import CommandSupport

/// `ipvs-agent`: keeps this node's kernel balancing as Services ask for it.
package struct AgentCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ipvs-agent",
        abstract: "Turns Kubernetes Services into Linux IPVS load balancing on this node.",
        discussion: """
            Every setting can be given as a flag (--ipvs-scheduler), in the environment (IPVS_AGENT_IPVS_SCHEDULER) or in a YAML \
            file (ipvsScheduler, in /etc/ipvs-agent/config.yaml); a flag counts before the environment, the environment before the file.

            Exit status: 0 success, 1 failure, 2 wrong usage or invalid input, 3 the plan is not empty (plan), 4 a privilege, a \
            kernel feature or a tool is missing.
            """,
        subcommands: [RunCommand.self, PlanCommand.self, CleanupCommand.self, VersionCommand.self])

    package init() {}
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { print("ipvs-agent \(Version.text)") }
}
