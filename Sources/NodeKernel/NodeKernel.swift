package import IPVSModel
package import NodeModel

/// The kernel of this node, as far as load balancing goes. Two live behind it: Linux, and a fake that answers with the
/// kernel's own errors.
package protocol NodeKernel: Sendable {
    /// Looks at the parts of the node's state that are named, whole. A part that cannot be seen is a failure of that part only.
    ///
    /// Real servers are seen as ``Sighting/realServers(_:)`` has them: what the fast look does not show (thresholds, the kind of a
    /// tunnel) is read by ``observe(virtualServers:)`` where it matters. What is as expected need not be in memory a second time.
    func observe(_ scope: ObservationScope, expecting: ExpectedState?) async -> Observation

    /// Looks at single virtual servers with their real servers, exactly. One that is not in the answer does not stand.
    func observe(virtualServers keys: [VirtualServer.Key]) async throws(KernelFailure) -> [VirtualServer.Key: VirtualServerState]

    /// What the real servers of these virtual servers have now, and what they have done. One that does not stand is not in the answer.
    func traffic(
        of keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: [RealServer.Key: ObservedRealServer]]

    /// Begins to look at everything but the rules in slices, and gives up a sweep that is under way.
    /// - Parameter passingServers: whether it is to come by virtual servers and their real servers. Without them it shows all else, the
    ///   timeouts too.
    func beginSweep(passingServers: Bool) async

    /// The next slice of the sweep: at most some 10 ms of work. Nil when the sweep is over.
    func nextSightings() async -> [Sighting]?

    /// Begins to look at the flows of UDP and SCTP that connection tracking remembers, and gives up a look that is under way.
    func beginFlows() async

    /// The next of these flows: at most some 10 ms of work. Nil when all have been passed.
    func nextFlows() async throws(KernelFailure) -> [TrackedFlow]?

    /// Has connection tracking forget flows, and says why it did not where that is so. One that is gone is no failure.
    func end(_ flows: [TrackedFlow]) async -> [KernelFailure]

    /// Carries out operations in their order, batched. One that fails stops no other; the failures are returned in order.
    func apply(_ operations: ArraySlice<Operation>) async -> [OperationFailure]

    /// What applying has cost since this was last asked.
    func takeCost() async -> KernelCost

    /// What the kernel says of its own accord about the dummy link and about addresses, each time as much as was there to be heard. Ends when
    /// nobody listens any more.
    func announcements() async -> AsyncStream<[KernelAnnouncement]>
}

extension NodeKernel {
    /// Looks at the parts that are named, whole, and expects nothing.
    package func observe(_ scope: ObservationScope) async -> Observation { await observe(scope, expecting: nil) }

    /// Begins to look at everything but the rules in slices.
    package func beginSweep() async { await beginSweep(passingServers: true) }

    package func apply(_ operations: [Operation]) async -> [OperationFailure] { await apply(operations[...]) }
}

/// What a look will find where all is as it should be: after a restart, ten thousands of everything.
package struct ExpectedState: Sendable {
    package let virtualServerCount: Int
    package let addressCount: Int
    /// A virtual server with its real servers.
    package let virtualServer: @Sendable (VirtualServer.Key) -> VirtualServerState?

    package init(
        virtualServerCount: Int, addressCount: Int, virtualServer: @escaping @Sendable (VirtualServer.Key) -> VirtualServerState?
    ) {
        self.virtualServerCount = virtualServerCount
        self.addressCount = addressCount
        self.virtualServer = virtualServer
    }
}

/// What was seen.
package struct Observation: Sendable {
    package var state: NodeState
    /// The parts that could be seen.
    package var seen: ObservationScope
    package var failures: [KernelFailure]

    package init(state: NodeState, seen: ObservationScope, failures: [KernelFailure] = []) {
        self.state = state
        self.seen = seen
        self.failures = failures
    }
}
