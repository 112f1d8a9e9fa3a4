internal import Glibc
internal import HealthModel

/// The kernel's connection tracking, as far as probes fill it.
///
/// Each connection that a probe makes stays there after its end: in TIME_WAIT, 120 s unless set otherwise. So a rate of probes holds so many
/// entries for good, and once the table is full the kernel drops packets of everybody.
struct ConnectionTable: Equatable, Sendable {
    /// `net.netfilter.nf_conntrack_max`.
    var maximum: Int
    /// For how many seconds an entry stays behind, by protocol.
    var timeWait = 120
    var udp = 30
    var icmp = 30

    /// Probes may hold that much of the table.
    var share: Int { maximum / 4 }

    /// How many entries a probe holds, if it goes on at its interval.
    func entries(of probe: Probe) -> Int {
        let interval = max(Moment(probe.timing.interval), 1_000_000)
        let seconds =
            switch probe.check.kind {
            case .tcp, .http, .grpc: timeWait
            case .udp, .dns: udp
            case .icmp: icmp
            // What a program does is not known here.
            case .command: 0
            }
        let (whole, rest) = (Moment(seconds) * 1_000_000_000).quotientAndRemainder(dividingBy: interval)
        return Int(whole) + (rest > 0 ? 1 : 0)
    }

    /// Why a probe is too much beside those that hold so many entries; nil where it is not.
    func refusal(of probe: Probe, beside held: Int) -> String? {
        let more = entries(of: probe)
        guard more > 0, held + more > share else { return nil }
        return "every \(probe.timing.interval.short) it would keep \(more) entries in the kernel's connection table (TIME_WAIT lasts"
            + " \(timeWait) s), and \(held) are kept by other probes: together more than \(share), a quarter of"
            + " net.netfilter.nf_conntrack_max = \(maximum); lengthen intervals, or raise it to \((held + more) * 4)"
    }

    /// As this node has it; nil where it tracks no connections.
    static func ofThisNode() -> ConnectionTable? {
        let directory = "/proc/sys/net/netfilter/nf_conntrack_"
        guard let maximum = number("\(directory)max"), maximum > 0 else { return nil }
        var table = ConnectionTable(maximum: maximum)
        table.timeWait = number("\(directory)tcp_timeout_time_wait") ?? table.timeWait
        table.udp = number("\(directory)udp_timeout") ?? table.udp
        table.icmp = number("\(directory)icmp_timeout") ?? table.icmp
        return table
    }

    private static func number(_ path: String) -> Int? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in unsafe read(file, buffer.baseAddress, buffer.count) }
        return Int(String(decoding: bytes.prefix { (0x30...0x39).contains($0) }.prefix(max(count, 0)), as: UTF8.self))
    }
}
