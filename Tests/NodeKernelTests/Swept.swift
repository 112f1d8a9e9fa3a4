import Addresses
import IPVSModel
import NodeKernel
import NodeModel

/// What a sweep has come by, summed up.
struct Swept {
    var state = NodeState()
    /// The virtual servers whose real servers were shown.
    var shown: Set<VirtualServer.Key> = []
    var passed: ObservationScope = []
    var failures: [ObservationScope.RawValue: KernelFailure] = [:]
    /// How long each slice took.
    var slices: [Duration] = []

    /// Sweeps to the end, doing something between any two slices, and before the next at each thing seen.
    static func all(
        of kernel: any NodeKernel, passingServers: Bool = true, atEach: (Sighting) async -> Void = { _ in }, between: () async -> Void = {}
    ) async -> Swept {
        var swept = Swept()
        await kernel.beginSweep(passingServers: passingServers)
        let clock = ContinuousClock()
        while true {
            let start = clock.now
            guard let sightings = await kernel.nextSightings() else { break }
            swept.slices.append(start.duration(to: clock.now))
            for sighting in sightings {
                swept.take(sighting)
                await atEach(sighting)
            }
            await between()
        }
        return swept
    }

    private mutating func take(_ sighting: Sighting) {
        switch sighting {
        case .virtualServers(let servers):
            for server in servers {
                let known = state.virtualServers[server.key]?.realServers ?? [:]
                state.virtualServers[server.key] = VirtualServerState(server.configuration, realServers: known)
            }
        case .realServers(let servers):
            for (key, realServers) in servers {
                shown.insert(key)
                state.virtualServers[key]?.realServers = realServers
            }
        case .timeouts(let timeouts): state.timeouts = timeouts
        case .sysctls(let sysctls): state.sysctls = sysctls
        case .link(let link): state.link = link
        case .addresses(let addresses): state.addresses.formUnion(addresses)
        case .otherAddresses(let others): state.otherAddresses = others
        case .set(let key, let set): state.sets[key] = set
        case .members(let key, let entries): state.sets[key]?.entries.formUnion(entries)
        case .passed(let scope): passed.formUnion(scope)
        case .hidden(let scope, let failure): failures[scope.rawValue] = failure
        }
    }
}
