import HTTPServing
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
package import Telemetry

/// The ports at which load balancers, the kubelet and Prometheus ask a node, as kube-proxy has them: health, metrics, and a port for each
/// Service with a health check node port.
///
/// They answer from boards, so they do that most of all when the loop is stuck. None of them is needed for balancing.
package struct NodePages: Service {
    /// Where a fixed port is; nil where it is switched off.
    package struct Place: Hashable, Sendable {
        package var address: String
        package var port: UInt16

        package init(address: String, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    private let health: Place?
    private let metrics: Place?
    private let board: HealthBoard
    private let pages: HealthPages
    private let metricsPage: MetricsPage
    private let limits: ServingLimits
    private let logger: Logger
    private let events: EventLog

    /// A change may wait for the patience before the agent counts as stuck; `mostServers` have metrics of their own.
    package init(
        health: Place?, metrics: Place?, patience: Duration, board: HealthBoard, counters: AgentCounters, reader: any BalancerReading,
        inquiry: any AgentInquiry, mostServers: Int, events: EventLog, logger: Logger
    ) {
        self.health = health
        self.metrics = metrics
        self.board = board
        pages = HealthPages(board: board, counters: counters, patience: patience)
        metricsPage = MetricsPage(reader: reader, inquiry: inquiry, counters: counters, mostServers: mostServers)
        limits = ServingLimits()
        self.events = events
        self.logger = logger
    }

    package func run() async throws {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        await withTaskGroup { group in
            if let health {
                let port = port(health, "health") { [pages] in pages.answer(path: $0) }
                group.addTask { await port.run(on: threads) }
            }
            if let metrics {
                let port = port(metrics, "metrics") { [metricsPage] in $0 == "/metrics" ? await metricsPage.answer() : nil }
                group.addTask { await port.run(on: threads) }
            }
            group.addTask { await followHealthCheckPorts(on: threads) }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        try? await threads.shutdownGracefully()
    }

    private func port(_ place: Place, _ purpose: String, _ answer: @escaping @Sendable (String) async -> HTTPAnswer?) -> PagePort {
        PagePort(
            address: place.address, port: Int(place.port), purpose: purpose, limits: limits, logger: logger, events: events, answer: answer)
    }

    /// Opens and closes the ports of Services as they come and go. One that stays is not disturbed.
    private func followHealthCheckPorts(on threads: MultiThreadedEventLoopGroup) async {
        var open: [Place: Task<Void, Never>] = [:]
        for await places in board.places.cancelOnGracefulShutdown() {
            let wanted = Set(places.addresses.flatMap { address in places.ports.map { Place(address: address, port: $0) } })
            let gone = open.filter { !wanted.contains($0.key) }
            for (place, task) in gone {
                task.cancel()
                open[place] = nil
            }
            // A port that goes must be free before it is opened again.
            for (_, task) in gone { await task.value }
            for place in wanted where open[place] == nil {
                let page = port(place, "health checks") { [pages] _ in pages.answer(port: place.port) }
                open[place] = Task { await page.run(on: threads) }
            }
        }
        for task in open.values { task.cancel() }
        for task in open.values { await task.value }
    }
}
