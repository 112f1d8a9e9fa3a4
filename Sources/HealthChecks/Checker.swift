internal import Addresses
internal import HealthModel
internal import NIOCore

/// Asks one backend one question, again and again. Made once for a probe, with all that can be prepared for it; used on its event loop only.
protocol Checker: AnyObject {
    /// Begins to ask. What it comes to is told once and on the loop, maybe before this returns; never after the check was ended.
    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck
}

/// A check that was begun.
protocol RunningCheck: AnyObject {
    /// What it means that nothing more has come within the time.
    var silence: CheckOutcome { get }

    /// Lets go of everything, whatever is still waited for. Nothing is reported any more.
    func end()
}

/// Whom a checker asks, and from where.
struct CheckTarget {
    var loop: any EventLoop
    var address: SocketAddress
    /// As it stands in a URL: `192.0.2.1:80`, `[2001:db8::1]:80`.
    var authority: String
    var mark: UInt32?
    var timeout: Duration
    var failures: FailureMeaning
}

extension CheckTarget {
    init(_ probe: Probe, loop: any EventLoop, failures: FailureMeaning) throws(CheckerProblem) {
        let text = "\(probe.address)"
        do {
            address = try SocketAddress(ipAddress: text, port: Int(probe.port))
        } catch {
            throw CheckerProblem("\(text) is no address: \(error)")
        }
        self.loop = loop
        authority = probe.address.family == .ipv4 ? "\(text):\(probe.port)" : "[\(text)]:\(probe.port)"
        mark = probe.mark
        timeout = probe.timing.timeout
        self.failures = failures
    }
}

/// Why no checker could be made.
struct CheckerProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Makes the checkers of one event loop.
struct Checkers {
    let loop: any EventLoop
    private let failures = FailureMeaning()
    private let contexts = TLSContexts()

    init(loop: any EventLoop) { self.loop = loop }

    func checker(for probe: Probe) throws(CheckerProblem) -> any Checker {
        let target = try CheckTarget(probe, loop: loop, failures: failures)
        switch probe.check.kind {
        case .tcp: return TCPChecker(target)
        case .http(let check): return HTTPChecker(check, target, contexts)
        case .grpc(let service, let tls): return GRPCChecker(service: service, tls: tls, target, contexts)
        case .udp(let payload, let reply): return UDPChecker(payload: payload, reply: reply, target)
        case .dns(let name, let type): return try DNSChecker(name: name, type: type, target)
        case .icmp: return ICMPChecker(target)
        case .command(let words): return try CommandChecker(words, address: "\(probe.address)", port: probe.port, target)
        }
    }
}
