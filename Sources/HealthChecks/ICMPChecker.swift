internal import Glibc
internal import NIOCore
internal import NIOPosix

/// An echo request, by a ping socket where this node permits one (`net.ipv4.ping_group_range`), else by a raw one.
final class ICMPChecker: Checker {
    private let target: CheckTarget
    private let isIPv6: Bool
    /// Nil until it was tried.
    private var usesRaw: Bool?
    private var sequence = UInt16.random(in: .min ... .max)

    init(_ target: CheckTarget) {
        self.target = target
        isIPv6 = target.address.protocol == .inet6
    }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        let isRaw = usesRaw ?? !Self.pingSocketIsPermitted(isIPv6: isIPv6)
        usesRaw = isRaw
        sequence &+= 1
        // Random, so that no other program's echo is taken for ours.
        var payload: [UInt8] = []
        for _ in 0..<16 { payload += [UInt8.random(in: .min ... .max)] }
        let request = ICMPEcho.request(isIPv6: isIPv6, id: .random(in: .min ... .max), sequence: sequence, payload: payload)
        let isIPv6 = isIPv6
        let check = DatagramCheck(target, payload: request, report: report) { packet in
            ICMPEcho.isReply(packet, to: request, isIPv6: isIPv6, isRaw: isRaw) ? .good : nil
        }
        check.awaited = "an echo"
        let `protocol`: NIOIPProtocol = isIPv6 ? .ipv6Icmp : .icmp
        if isRaw {
            check.connectRaw(`protocol`)
        } else {
            check.connectDatagrams(NIOBSDSocket.ProtocolSubtype(`protocol`))
        }
        return check
    }

    /// Tried, since the range of groups that may is the kernel's to compare.
    private static func pingSocketIsPermitted(isIPv6: Bool) -> Bool {
        let number = socket(
            isIPv6 ? AF_INET6 : AF_INET, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue),
            CInt(isIPv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        guard number >= 0 else { return errno != EACCES && errno != EPERM && errno != EPROTONOSUPPORT }
        close(number)
        return true
    }
}

extension ConnectionCheck {
    /// Opens a raw socket that sends to the target and hears from it only.
    fileprivate func connectRaw(_ ipProtocol: NIOIPProtocol) {
        var bootstrap = NIORawSocketBootstrap(group: target.loop).channelInitializer(initializer)
        if let mark = target.mark { bootstrap = bootstrap.channelOption(.mark, value: SocketOptionValue(CInt(bitPattern: mark))) }
        // An address, so nothing is resolved.
        follow(bootstrap.connect(host: target.address.ipAddress ?? "", ipProtocol: ipProtocol))
    }
}
