package import NodeModel

/// The kernel of this node, as far as load balancing goes. Two live behind it: Linux, and a fake that answers with the
/// kernel's own errors.
package protocol NodeKernel: Sendable {
    /// Looks at the parts of the node's state that are named. A part that cannot be seen is a failure of that part only.
    func observe(_ scope: ObservationScope) async -> Observation

    /// Carries out operations in their order, batched. One that fails stops no other; the failures are returned in order.
    func apply(_ operations: [Operation]) async -> [OperationFailure]

    /// What applying has cost since this was last asked.
    func takeCost() async -> KernelCost

    /// What the kernel says of its own accord about the dummy link and its addresses. Ends when nobody listens any more.
    func announcements() async -> AsyncStream<KernelAnnouncement>
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
