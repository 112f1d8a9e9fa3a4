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
        check.connectICMP(isIPv6: isIPv6, isRaw: isRaw)
        return check
    }

    /// Tried, since the range of groups that may is the kernel's to compare.
    private static func pingSocketIsPermitted(isIPv6: Bool) -> Bool {
        let number = ICMPSocket.make(isIPv6: isIPv6, isRaw: false)
        guard number >= 0 else { return errno != EACCES && errno != EPERM && errno != EPROTONOSUPPORT }
        close(number)
        return true
    }
}

/// Sockets of ICMP, which NIO cannot make itself: it sets an option of IPv6's that the kernel refuses for raw ones.
private enum ICMPSocket {
    static func make(isIPv6: Bool, isRaw: Bool) -> CInt {
        let type = CInt((isRaw ? SOCK_RAW : SOCK_DGRAM).rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        return socket(isIPv6 ? AF_INET6 : AF_INET, type, CInt(isIPv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
    }

    /// One that sends to an address and hears from it only.
    static func connected(to target: CheckTarget, isIPv6: Bool, isRaw: Bool) throws(IOError) -> CInt {
        let number = make(isIPv6: isIPv6, isRaw: isRaw)
        guard number >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        do throws(IOError) {
            if var mark = target.mark {
                guard unsafe setsockopt(number, SOL_SOCKET, SO_MARK, &mark, socklen_t(MemoryLayout.size(ofValue: mark))) == 0 else {
                    throw IOError(errnoCode: errno, reason: "setsockopt")
                }
            }
            // The kernel passes on what comes from there, then. For want of a port it tells NIO that the socket is not connected
            // (`inet_getname`), so each datagram is written with its address.
            var address = target.address
            address.port = 0
            let result = unsafe address.withSockAddr { unsafe connect(number, $0, socklen_t($1)) }
            guard result == 0 else { throw IOError(errnoCode: errno, reason: "connect") }
            return number
        } catch {
            close(number)
            throw error
        }
    }
}

extension ConnectionCheck {
    fileprivate func connectICMP(isIPv6: Bool, isRaw: Bool) {
        do throws(IOError) {
            let number = try ICMPSocket.connected(to: target, isIPv6: isIPv6, isRaw: isRaw)
            follow(DatagramBootstrap(group: target.loop).channelInitializer(initializer).withBoundSocket(number))
        } catch {
            fail(error)
        }
    }
}
