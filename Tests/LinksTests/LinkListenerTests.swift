import Addresses
import NetlinkCodec
import NetlinkTransport
import Synchronization
import Testing

@testable import Links

/// A kernel that says what the test says.
private final class ScriptedChannel: NetlinkChannel, Sendable {
    typealias Step = Result<NetlinkDatagram?, NetlinkChannelError>
    private let steps: Mutex<[Step]>
    let groups = Mutex<[UInt32]>([])

    init(_ steps: [Step]) { self.steps = Mutex(steps) }

    let port: UInt32 = 42
    let fileDescriptor: Int32 = -1
    func send(_ datagram: [UInt8], timeout: Duration) throws(NetlinkChannelError) {}
    func receive(timeout: Duration) throws(NetlinkChannelError) -> NetlinkDatagram? {
        let step = steps.withLock { $0.isEmpty ? .success(nil) : $0.removeFirst() }
        return try step.get()
    }
    func join(group: UInt32) throws(NetlinkChannelError) { groups.withLock { $0.append(group) } }
    func close() {}
}

struct LinkListenerTests {
    private func datagram(_ requests: [NetlinkRequest]) -> NetlinkDatagram {
        var encoder = NetlinkEncoder()
        for request in requests { request.write(to: &encoder, sequence: 0, port: 0, extraFlags: []) }
        return NetlinkDatagram(encoder.bytes)
    }

    @Test func whatIsAnnouncedIsToldAndWhatIsLostToo() throws {
        let link = Link(index: 3, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)
        let address = try #require(IPAddress("10.96.0.1"))
        let channel = ScriptedChannel([
            .success(datagram([AddressMessage.request(.add(address), on: link), AddressMessage.request(.remove(address), on: link)])),
            .failure(.lost),
            .success(datagram([LinkMessage.createDummy("kube-ipvs0")])),
            .success(NetlinkDatagram([1, 2, 3])),
        ])
        var listener = try LinkListener(NetlinkSocket(channel))
        #expect(channel.groups.withLock { $0 } == [1, 5, 9])
        let bound = LinkAddress(address, prefixLength: 32, linkIndex: 3)
        #expect(try listener.next() == [.addressAdded(bound), .addressRemoved(bound)])
        #expect(try listener.next() == [.lost])
        #expect(try listener.next() == [.linkChanged(Link(index: 0, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true))])
        #expect(try listener.next() == [.lost], "what cannot be read has not been heard")
        #expect(try listener.next() == [])
    }

    /// The header, family first, as `struct ifinfomsg` has it.
    @Test(arguments: [(UInt8(0), true), (7, false)])
    func whatABridgeSaysOfItsPortsIsNotSaidOfTheLink(family: UInt8, isHeard: Bool) {
        let event = LinkEvent(
            NetlinkReply(
                header: NetlinkHeader(length: 32, type: LinkMessage.delete, flags: [], sequence: 0, port: 0),
                payload: [family, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        #expect((event != nil) == isHeard)
    }
}
