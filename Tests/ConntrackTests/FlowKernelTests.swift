import Addresses
import Foundation
import NetlinkTransport
import NodeModel
import Testing

@testable import Conntrack

/// On a real kernel; one that a test may do with as it likes.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"), .serialized) struct FlowKernelTests {
    private func flows(_ family: AddressFamily = .ipv4, _ transport: TransportProtocol = .udp) throws -> [TrackedFlow] {
        var reader = try FlowReader(family, transport)
        var flows: [TrackedFlow] = []
        while true {
            let piece = try reader.next()
            flows += piece.flows
            if piece.isOver { return flows }
        }
    }

    /// Sends a datagram to a port of this machine at which nobody listens, so that connection tracking has something to remember.
    private func send(to port: UInt16) {
        let socket = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let sent = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe sendto(socket, "x", 1, 0, $0, length) }
        }
        #expect(sent == 1)
    }

    @Test func whatIsRememberedIsShownAndForgotten() throws {
        _ = unsafe system(
            "iptables-legacy -w -t nat -A OUTPUT -m conntrack --ctstate NEW -j RETURN 2>/dev/null; modprobe nf_conntrack_netlink")
        for port in 9901...9903 { send(to: UInt16(port)) }
        let found = try flows().filter { (9901...9903).contains($0.destination.port) }
        try #require(found.count == 3)
        #expect(found.allSatisfy { $0.transport == .udp && $0.id != nil && $0.server == $0.destination })
        #expect(try flows(.ipv4, .sctp).isEmpty)
        var socket = try NetlinkSocket(.netfilter)
        #expect(FlowEnding.end(Array(found.prefix(2)), over: &socket).isEmpty)
        #expect(try flows().filter { (9901...9903).contains($0.destination.port) } == Array(found.suffix(1)))
        // What is gone is no failure; one with another number is another flow.
        #expect(FlowEnding.end(Array(found.prefix(2)), over: &socket).isEmpty)
        var other = found[2]
        other.id = 1
        #expect(FlowEnding.end([other], over: &socket).isEmpty)
        #expect(try flows().filter { (9901...9903).contains($0.destination.port) } == Array(found.suffix(1)))
    }
}
