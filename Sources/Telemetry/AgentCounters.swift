import Synchronization

/// What the loop counts of its own work, under the names that kube-proxy gives it.
package final class AgentCounters: Sendable {
    package struct Values: Sendable {
        /// Seconds that applying took, a round at a time.
        package var applying = Histogram((0..<15).map { 0.001 * Double(1 << $0) })
        /// Seconds from a change in the cluster to the kernel, as the EndpointSlice says when it began.
        package var programming = Histogram(
            [0.25, 0.5] + (1..<60).map(Double.init) + stride(from: 60.0, through: 115, by: 5) + stride(from: 120.0, through: 300, by: 30))
        package var lastQueued: Moment?
        package var lastApplied: Moment?
        package var endpoints = Changes()
        package var services = Changes()
        /// Services with a Local policy and no endpoint here.
        package var withoutLocalEndpoints = WithoutLocalEndpoints()
        /// Seconds that a look at tracked flows took, from its first slice to its last.
        package var flowLooks = Histogram((0..<15).map { 0.001 * Double(1 << $0) })
        /// Flows that were ended since their server is gone.
        package var endedFlows = EndedFlows()
        /// How often rules could not be written.
        package var ruleFailures: UInt64 = 0
        package var operations: UInt64 = 0
        package var failures: UInt64 = 0
        /// Differences that were found in the kernel and put right.
        package var repairs: UInt64 = 0
        /// Answers by page and status code.
        package var answers: [Answer: UInt64] = [:]
    }

    package struct Changes: Hashable, Sendable {
        package var pending: UInt64 = 0
        package var total: UInt64 = 0
    }

    package struct EndedFlows: Hashable, Sendable {
        package var ipv4: UInt64 = 0
        package var ipv6: UInt64 = 0
    }

    package struct WithoutLocalEndpoints: Hashable, Sendable {
        package var inside: UInt64 = 0
        package var outside: UInt64 = 0

        package init() {}
    }

    package struct Answer: Hashable, Sendable {
        package var page: Page
        package var status: Int

        package init(page: Page, status: Int) {
            self.page = page
            self.status = status
        }
    }

    package enum Page: String, Hashable, Sendable {
        case healthz, livez
    }

    private let content = Mutex(Values())

    package init() {}

    package var values: Values { content.withLock { $0 } }

    package func change(_ body: (inout Values) -> Void) { content.withLock { body(&$0) } }

    package func answered(_ page: Page, with status: Int) {
        change { $0.answers[Answer(page: page, status: status), default: 0] += 1 }
    }
}
