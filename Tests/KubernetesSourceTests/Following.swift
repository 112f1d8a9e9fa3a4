import Addresses
import Foundation
import KubernetesTesting
import Logging
import NIOSSL
import ServiceModel
import Synchronization
import Testing

@testable import KubernetesSource

/// A source that is followed, as the agent follows it: what it says is kept in a catalogue.
final class Follower: Sendable {
    struct Content: Sendable {
        var catalog = ServiceCatalog()
        var updates: [SourceUpdate] = []
        var isSynced = false
        var problems: [SourceProblem] = []
        var slices: [ObjectName: EndpointSlice] = [:]

        mutating func take(_ update: SourceUpdate) {
            _ = catalog.take(update)
            updates.append(update)
            isSynced = update.isSynced
            if let problems = update.problems { self.problems = problems }
            for object in update.changed { if case .endpointSlice(let slice) = object { slices[slice.name] = slice } }
            for key in update.removed where key.kind == .endpointSlice { slices[key.name] = nil }
        }
    }

    private final class State: Sendable { let content = Mutex(Content()) }

    let log: LogLines
    private let state = State()
    private let task: Task<Void, Never>

    init(_ access: ClusterAccess, node: String = "n1", options: KubernetesSource.Options = .quick) {
        let log = LogLines()
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .trace
        let source = KubernetesSource(access: access, node: node, version: "test", options: options, logger: logger)
        self.log = log
        task = Task { [state] in
            await withTaskGroup { group in
                group.addTask { await source.run() }
                group.addTask {
                    for await update in source.updates { state.content.withLock { $0.take(update) } }
                }
            }
        }
    }

    var content: Content { state.content.withLock { $0 } }
    var services: [String] { content.catalog.services.keys.map(\.description).sorted() }
    var isSynced: Bool { content.isSynced }
    var problems: [SourceProblem] { content.problems }
    var updates: [SourceUpdate] { content.updates }

    /// The problems in a few words, for a failing test.
    var words: String { problems.map(\.description).joined(separator: "; ") + log.all.suffix(5).joined(separator: "\n") }

    func stop() async {
        task.cancel()
        await task.value
    }
}

/// A log that can be looked at.
final class LogLines: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var all: [String] { lines.withLock { $0 } }

    func log(event: LogEvent) { lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") } }
}

extension KubernetesSource.Options {
    /// The same rules in less time.
    static var quick: Self {
        var options = Self()
        options.timing.backoff = .milliseconds(20) ... .milliseconds(300)
        options.timing.watchSeconds = 3...6
        options.timing.watchGrace = .seconds(1)
        options.timing.initialSilence = .milliseconds(700)
        options.timing.answerSilence = .seconds(5)
        options.timing.shortWatch = .milliseconds(100)
        options.timing.confirmation = .milliseconds(50)
        options.patience = .seconds(20)
        return options
    }

    static var paged: Self {
        var options = quick
        options.asksStreamingLists = false
        return options
    }
}

extension ClusterAccess {
    static func plain(_ port: Int) -> ClusterAccess {
        ClusterAccess(origin: "test", servers: [ServerAddress(isEncrypted: false, host: "127.0.0.1", port: port)])
    }

    static func encrypted(_ port: Int, trust: String? = "ca") throws -> ClusterAccess {
        var access = ClusterAccess(origin: "test", servers: [ServerAddress(host: "127.0.0.1", port: port)])
        if let trust { access.trust = .authorities(.file(try Fixture.path("tls/\(trust).crt"))) }
        return access
    }
}

extension TLSConfiguration {
    /// The test server's own certificate.
    static func server(clients: Bool = false, versions: (TLSVersion, TLSVersion) = (.tlsv12, .tlsv13)) throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(try Fixture.path("tls/server.crt")).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: try Fixture.path("tls/server.key"), format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        (tls.minimumTLSVersion, tls.maximumTLSVersion) = versions
        if clients {
            tls.certificateVerification = .noHostnameVerification
            tls.trustRoots = .file(try Fixture.path("tls/ca.crt"))
        }
        return tls
    }
}

extension TestCluster {
    /// A cluster of this node and so many Services with a slice each.
    static func sample(_ count: Int = 3) -> TestCluster {
        let cluster = TestCluster()
        cluster.put(.node("n1"))
        cluster.put(.node("n2", address: "192.0.2.11"))
        for index in 0..<count {
            cluster.put(.service("s\(index)", address: "10.96.\(index / 250).\(index % 250 + 1)"))
            cluster.put(.slice("s\(index)-a", of: "s\(index)", addresses: ["10.244.1.\(index % 250 + 1)"]))
        }
        return cluster
    }
}
