import HealthModel
import Synchronization

/// Who says what the test says of what the agent asks for.
final class FakeProber: HealthProber {
    private let content = Mutex<(current: Set<Probe>, changes: Int)>(([], 0))
    private let continuation: AsyncStream<ProbeNews>.Continuation
    let news: AsyncStream<ProbeNews>

    init() { (news, continuation) = AsyncStream.makeStream() }

    /// What is to be probed now.
    var probes: Set<Probe> { content.withLock { $0.current } }
    var changes: Int { content.withLock { $0.changes } }

    func change(begin: [Probe], end: [Probe]) {
        content.withLock { content in
            precondition(content.current.isDisjoint(with: begin), "begun twice")
            precondition(content.current.isSuperset(of: end), "ended without having begun")
            content.current.formUnion(begin)
            content.current.subtract(end)
            content.changes += 1
        }
    }

    /// Says something of a backend, however many probes it has.
    func say(_ verdict: Verdict, of address: String, port: UInt16? = nil) {
        for probe in probes where probe.address == ip(address) && (port == nil || probe.port == port) {
            continuation.yield(ProbeNews(probe: probe, verdict: verdict, at: .now))
        }
    }

    func run() async { try? await Task.sleep(for: .seconds(86_400)) }
}
