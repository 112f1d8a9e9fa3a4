import Addresses
import Agent
import FakeKernel
import IPVSModel
import Logging
import NodeKernel
import NodeModel
import ServiceCompiler
import ServiceModel
import Synchronization
import Telemetry
import TestSupport
import Testing

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

func name(_ number: Int) -> ObjectName { ObjectName(namespace: "default", name: "s\(number)") }

func service(
    _ number: Int, ports: [UInt16] = [80], address: IPAddress? = nil, annotations: [String: String] = [:], labels: [String: String] = [:]
) -> SourceObject {
    .service(
        Service(
            name: name(number), clusterAddresses: [address ?? IPAddress(ipv4: 0x0a60_0100 + UInt32(number))],
            ports: ports.map { ServicePort(name: "p\($0)", port: $0) }, annotations: annotations, labels: labels))
}

/// Endpoints 10.244.0.N of node n2.
func slice(_ number: Int, ports: [UInt16] = [80], endpoints: [Int]) -> SourceObject {
    .endpointSlice(
        EndpointSlice(
            name: ObjectName(namespace: "default", name: "s\(number)-1"), service: name(number), family: .ipv4,
            ports: ports.map { EndpointPort(name: "p\($0)", port: $0 + 8000) },
            endpoints: endpoints.map { Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), nodeName: $0 % 2 == 0 ? "n1" : "n2") }))
}

/// A journal that outlives the agent, as a file does.
final class MemoryJournal: OwnershipJournal {
    private let content = Mutex(JournalContent())
    private let writeCount = Mutex(0)
    private let watcher = Mutex<(@Sendable (JournalContent) -> Void)?>(nil)

    var writes: Int { writeCount.withLock { $0 } }

    /// Has every write from now on shown to somebody.
    func watch(_ watcher: @escaping @Sendable (JournalContent) -> Void) { self.watcher.withLock { $0 = watcher } }

    func remembered(reporting logger: Logger) -> JournalContent { content.withLock { $0 } }

    /// Expects every change to come to what there is.
    func remember(_ change: JournalChange, of whole: () -> JournalContent, reporting logger: Logger) {
        let new = content.withLock { content in
            content.apply(change)
            return content
        }
        let all = whole()
        #expect(new.virtualServers == all.virtualServers)
        #expect(Set(new.drains.keys) == Set(all.drains.keys))
        writeCount.withLock { $0 += 1 }
        watcher.withLock { $0 }?(new)
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A clock that stands until it is moved.
final class TestClock: Sendable {
    let start = ContinuousClock.now
    private let time = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 += duration } }
}

/// What was logged, a line a message.
final class TestLog: Sendable {
    private let content = Mutex([String]())

    var lines: [String] { content.withLock { $0 } }
    func clear() { content.withLock { $0 = [] } }

    /// What was logged of drifts.
    var drifts: [String] { lines.filter { $0.hasPrefix("drift: ") }.map { String($0.dropFirst("drift: ".count)) } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: TestLog
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.content.withLock { $0.append(event.message.description) } }
    }
}

func reconciler(
    _ kernel: FakeKernel, journal: MemoryJournal = MemoryJournal(), settings: CompilerSettings = CompilerSettings(),
    excluded: [IPPrefix] = [], log: TestLog? = nil, events: EventLog = EventLog(), clock: TestClock? = nil
) -> Reconciler {
    Reconciler(
        kernel: kernel, compiler: ServiceCompiler(settings: settings, node: NodeFacts(name: "n1")), excluded: excluded, journal: journal,
        logger: log?.logger ?? quiet, events: events, now: { clock?.now ?? ContinuousClock.now },
        wallClock: { clock.map { Moment(millisecondsSince1970: 0).advanced(by: $0.now - $0.start) } ?? Moment.now })
}

/// Says where two states differ, part by part.
func expectAlike(_ found: NodeState, _ expected: NodeState, _ place: SourceLocation = #_sourceLocation) {
    #expect(found.sysctls == expected.sysctls, sourceLocation: place)
    #expect(found.timeouts == expected.timeouts, sourceLocation: place)
    #expect(found.link == expected.link, sourceLocation: place)
    #expect(found.addresses == expected.addresses, sourceLocation: place)
    for family in AddressFamily.allCases { #expect(found.rules[family] == expected.rules[family], sourceLocation: place) }
    for key in Set(found.sets.keys).union(expected.sets.keys) { #expect(found.sets[key] == expected.sets[key], sourceLocation: place) }
    for key in Set(found.virtualServers.keys).union(expected.virtualServers.keys) {
        #expect(found.virtualServers[key] == expected.virtualServers[key], "\(key)", sourceLocation: place)
    }
}

/// Sweeps the kernel once, whole, and puts right what that finds.
func sweep(_ agent: Reconciler, _ kernel: FakeKernel) async {
    agent.beginSweep()
    repeat {
        _ = await agent.work()
        while let look = agent.nextRuleLook() { _ = await agent.take(await kernel.observe(.rules), of: look) }
    } while agent.hasWork
}

/// What a fresh kernel holds after a fresh agent has been given these objects at once.
func fromScratch(_ objects: [SourceObject]) async -> NodeState {
    let kernel = FakeKernel()
    _ = await reconciler(kernel).take(SourceUpdate(changed: objects))
    return kernel.state
}

/// A Service or a slice of one, of few, so that they meet and contend.
func randomObject(_ random: inout SeededGenerator) -> SourceObject {
    let number = Int.random(in: 0..<6, using: &random)
    let ports: [UInt16] = [[80], [443], [80, 443], []].randomElement(using: &random) ?? []
    // Few addresses, so that several services claim the same one.
    let address = IPAddress(ipv4: 0x0a60_0100 + UInt32.random(in: 0..<4, using: &random))
    let scheduler = ["rr", "sh", "wlc"].randomElement(using: &random) ?? "rr"
    return Bool.random(using: &random)
        ? service(number, ports: ports, address: address, annotations: ["scheduler": scheduler])
        : slice(number, ports: [80, 443], endpoints: (1...6).filter { _ in Bool.random(using: &random) })
}
