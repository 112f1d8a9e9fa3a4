package import Logging
package import ServiceModel
package import Telemetry

/// Delivers what a cluster's API asks of this node, and every change of it.
///
/// Services, EndpointSlices and this node's own Node are listed and then watched. Nothing is delivered as complete before all three have been
/// listed once; while the API server cannot be reached, what it said last stays.
package final class KubernetesSource: ServiceSource {
    package let updates: AsyncStream<SourceUpdate>

    private let access: ClusterAccess
    private let node: String
    private let options: Options
    private let version: String
    private let events: EventLog?
    private let logger: Logger
    private let mirror: SharedMirror

    package struct Options: Sendable {
        /// The share of what is known, in percent, that one list may remove.
        package var removalShare = 25
        /// Whether servers are asked for streaming lists first.
        package var asksStreamingLists = true
        package var timing = ReflectorTiming()
        /// How long `readOnce` waits for everything.
        package var patience = Duration.seconds(60)

        package init() {}
    }

    /// What of these events concerns a Service is posted to the API; nil posts nothing.
    package init(
        access: ClusterAccess, node: String, version: String, options: Options = Options(), events: EventLog? = nil, logger: Logger
    ) {
        self.access = access
        self.node = node
        self.version = version
        self.options = options
        self.events = events
        self.logger = logger
        let (updates, continuation) = AsyncStream<SourceUpdate>.makeStream()
        self.updates = updates
        mirror = SharedMirror(Self.emptyMirror(access, node, options), continuation)
    }

    /// Where problems of the whole source are said to be.
    package static func place(of access: ClusterAccess) -> String { "Kubernetes API (\(access.origin))" }

    /// Lists everything once. Throws where that does not come about in time.
    package func readOnce() async throws(SourceProblem) -> SourceUpdate {
        warn()
        let (updates, continuation) = AsyncStream<SourceUpdate>.makeStream()
        let mirror = SharedMirror(Self.emptyMirror(access, node, options), continuation)
        let update: SourceUpdate? = await withTaskGroup(of: SourceUpdate?.self) { group in
            group.addTask {
                await self.follow(mirror)
                return nil
            }
            group.addTask {
                for await update in updates where update.isSynced { return update }
                return nil
            }
            group.addTask { [options] in
                try? await Task.sleep(for: options.patience)
                mirror.finish()
                return nil
            }
            defer { group.cancelAll() }
            while let next = await group.next() {
                if let update = next { return update }
                // Either the time is up, or the task was cancelled.
                return nil
            }
            return nil
        }
        guard let update else {
            let message = mirror.failure ?? "not everything was listed in time"
            throw SourceProblem(place: Self.place(of: access), message: message)
        }
        return update
    }

    /// Follows the cluster until the task is cancelled; then `updates` ends. To be called once.
    package func run() async {
        warn()
        await follow(mirror, events)
        mirror.finish()
    }

    private func follow(_ mirror: SharedMirror, _ events: EventLog? = nil) async {
        let client = APIClient(access, version: version, logger: logger, answerSilence: options.timing.answerSilence)
        await withTaskGroup { group in
            for resource in [Resource.services, .endpointSlices, .node(node)] {
                let watch = ListWatch(
                    resource, client: client, mirror: mirror, timing: options.timing, offersStreaming: options.asksStreamingLists,
                    logger: logger)
                group.addTask { await watch.run() }
            }
            if let events {
                let poster = EventPoster(client: client, node: node, logger: logger) { mirror.uid(of: $0) }
                group.addTask { await poster.run(events) }
            }
        }
        await client.close()
    }

    /// Says loudly what is unsafe, and what stands in between.
    private func warn() {
        for server in access.servers {
            // Without the name and the password that may be there for the proxy.
            if let proxy = try? access.proxy(for: server) {
                logger.info("\(server) is asked through the proxy \(proxy.host):\(proxy.port)")
            }
        }
        if access.trust == .anybody {
            logger.warning(
                """
                THE API SERVER IS NOT VERIFIED (insecure-skip-tls-verify): whoever is in between can redirect all Services of this node \
                and read the agent's credentials; give certificate-authority instead
                """)
        }
        for server in access.servers where !server.isEncrypted {
            logger.warning("the connection to \(server) is not encrypted: whoever is in between can redirect all Services of this node")
        }
    }

    private static func emptyMirror(_ access: ClusterAccess, _ node: String, _ options: Options) -> ClusterMirror {
        ClusterMirror(place: place(of: access), node: node, removalGuard: RemovalGuard(share: options.removalShare))
    }
}
