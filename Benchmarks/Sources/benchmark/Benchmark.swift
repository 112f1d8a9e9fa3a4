import ArgumentParser
import Foundation

enum Scenario: String, CaseIterable, ExpressibleByArgument {
    case programming, restart, idle, load, changes, probes, kubernetes, listing, deaths
}

enum Output: String, ExpressibleByArgument {
    case markdown, json
}

@main
struct Benchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Measures the agent on the kernel that this runs on, and prints one table.",
        discussion: "Meant for the laboratory (integration/lab): it makes network namespaces. See docs/performance.md.")

    @Option(help: "The agent to measure, built for release.") var agent: String
    @Option(help: "The ipvsctl to measure, built for release.") var control: String?
    @Option(help: "The C program that it is compared with (Benchmarks/Floors).") var floor: String
    @Option(help: "The program that probes and is probed, built for release; without it, the scenario probes is left out.")
    var probeLoad: String?
    @Option(help: "The API server for tests (lab-apiserver), built for release. Without it, kubernetes is left out.") var apiServer: String?
    @Option(help: "The servers and clients of the scenario deaths (Benchmarks/Deaths). Without it, that is left out.")
    var deathsProgram: String?
    @Option(name: .customLong("scenario"), help: "What to measure; may be given several times. Without it, everything.")
    var scenarios: [Scenario] = []
    @Option(help: "Services, for everything but the latency of changes.") var services = 10_000
    @Option(help: "Endpoints of each.") var endpoints = 5
    @Option(help: "Runs of which the median counts.") var runs = 5
    @Option(help: "How many messages the floor puts in one send: as many as the agent.") var batch = 200
    @Option(help: "Numbers of Services among which a change is timed, separated by commas.") var sizes = "10,1000,10000,50000"
    @Option(help: "Changes that are timed at each size, alone and during looks at the kernel.") var changes = 200
    @Option(help: "Seconds to watch an idle agent.") var idleSeconds = 60
    @Option(help: "Seconds of changes.") var loadSeconds = 300
    @Option(help: "Changes a second.") var loadRate = 100
    @Option(help: "Seconds of probes, for each load.") var probeSeconds = 20
    @Option(help: "Deaths of real servers.") var deaths = 100
    @Option(help: "Requests a second meanwhile.") var deathRate = 100
    @Option(help: "A directory for the manifests; in memory, best.") var directory = "/dev/shm"
    @Option(name: .shortAndLong, help: "How to print: markdown or json.") var output = Output.markdown

    @Flag(help: "Leave out the table's head: the rows go on with another run's table.") var withoutHead = false

    func validate() throws {
        guard services > 0, endpoints > 0, runs > 0, changes > 0, idleSeconds > 0, loadSeconds > 0, loadRate > 0, batch > 0,
            probeSeconds > 0, deaths > 0, deathRate > 0
        else {
            throw ValidationError("numbers are to be greater than 0")
        }
        guard sizeList.count == sizes.split(separator: ",").count, sizeList.allSatisfy({ $0 > 0 }), !sizeList.isEmpty else {
            throw ValidationError("--sizes is a list of numbers such as 10,1000")
        }
        // Addresses are numbered through from the beginning of a range.
        guard max(services, sizeList.max() ?? 0) * endpoints < 1 << 24, max(services, sizeList.max() ?? 0) < 1 << 20 else {
            throw ValidationError("more endpoints than there are addresses for")
        }
    }

    var sizeList: [Int] { sizes.split(separator: ",").compactMap { Int($0) } }

    func run() throws {
        var rows: [Row] = []
        for scenario in Scenario.allCases where scenarios.isEmpty || scenarios.contains(scenario) {
            if scenario == .probes, scenarios.isEmpty, probeLoad == nil { continue }
            if scenario == .deaths, scenarios.isEmpty, deathsProgram == nil { continue }
            let began = ContinuousClock.now
            progress("scenario \(scenario.rawValue)")
            switch scenario {
            case .programming: rows += try programming()
            case .restart: rows += try restart()
            case .idle: rows += try idle()
            case .load: rows += try load()
            case .changes: rows += try latency()
            case .probes: rows += try probes()
            case .kubernetes: rows += try kubernetes()
            case .listing: rows += try listing()
            case .deaths: rows += try deathsOfServers()
            }
            progress("scenario \(scenario.rawValue) took \((ContinuousClock.now - began).seconds.short) s")
        }
        print(output == .markdown ? Table.markdown(rows, hasHead: !withoutHead) : try Table.json(rows))
    }

    func manifests(_ services: Int) throws -> Manifests {
        try Manifests(in: "\(directory)/benchmark-\(getpid())", services: services, endpoints: endpoints)
    }
}
