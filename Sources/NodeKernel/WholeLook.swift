package import IPVSModel
package import NodeModel

/// A kernel that is looked at only whole: a look at single virtual servers is a look at all of them, and a sweep has no slices.
extension NodeKernel {
    package func observe(
        virtualServers keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: VirtualServerState] {
        let observation = await observe(.virtualServers)
        if let failure = observation.failures.first { throw failure }
        let keys = Set(keys)
        return observation.state.virtualServers.filter { keys.contains($0.key) }
    }

    package func beginSweep() async {}

    package func nextSightings() async -> [Sighting]? { nil }
}
