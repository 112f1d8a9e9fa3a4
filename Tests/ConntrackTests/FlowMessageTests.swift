import Addresses
import NetlinkCodec
import NodeModel
import TestSupport
import Testing

@testable import Conntrack

@Suite struct FlowMessageTests {
    private static func ip(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }

    private static func flow(_ client: String, _ destination: String, _ server: String, id: UInt32? = 7, zone: UInt16? = nil) -> TrackedFlow
    {
        TrackedFlow(
            transport: .udp, client: .init(ip(client), port: 4000), destination: .init(ip(destination), port: 53),
            server: .init(ip(server), port: 5353), id: id, zone: zone)
    }

    /// A message as the kernel writes one of a flow (`ctnetlink_fill_info` in `net/netfilter/nf_conntrack_netlink.c`).
    private static func message(_ flow: TrackedFlow) -> [UInt8] {
        func tuple(_ from: TrackedFlow.Socket, _ to: TrackedFlow.Socket, _ encoder: inout NetlinkEncoder) {
            let isOld = from.address.family == .ipv4
            encoder.nest(1) { addresses in
                addresses.attribute(isOld ? 1 : 3, bytes: from.address.bytes)
                addresses.attribute(isOld ? 2 : 4, bytes: to.address.bytes)
            }
            encoder.nest(2) { ports in
                ports.attribute(1, flow.transport.rawValue)
                ports.attribute(2, network: from.port)
                ports.attribute(3, network: to.port)
            }
        }
        var encoder = NetlinkEncoder()
        encoder.append(contentsOf: [flow.client.address.family == .ipv4 ? 2 : 10, 0, 0, 0])
        encoder.nest(1) { tuple(flow.client, flow.destination, &$0) }
        encoder.nest(2) { tuple(flow.server, flow.client, &$0) }
        encoder.attribute(3, network: 0x18e as UInt32)
        encoder.attribute(7, network: 29 as UInt32)
        if let id = flow.id { encoder.attribute(12, network: id) }
        if let zone = flow.zone { encoder.attribute(18, network: zone) }
        return encoder.bytes
    }

    @Test(arguments: [
        flow("10.244.9.9", "10.96.1.1", "10.244.0.1"), flow("fd00::9", "fd00::1", "fd00::2", id: .max, zone: 3),
        flow("10.0.0.1", "10.0.0.1", "10.0.0.1", id: nil),
    ])
    func aFlowIsRead(flow: TrackedFlow) throws {
        #expect(try FlowMessage.decode(Self.message(flow).span) == flow)
    }

    @Test func whatHasNoPortsIsPassedOver() throws {
        var icmp = Self.flow("10.0.0.1", "10.0.0.2", "10.0.0.2")
        var bytes = Self.message(icmp)
        icmp.transport = .tcp
        let place = try #require(bytes.firstIndex(of: 17))
        bytes[place] = 1
        #expect(try FlowMessage.decode(bytes.span) == nil)
    }

    @Test func whateverComesIsReadOrRefused() {
        var random = SeededGenerator(seed: 9)
        let messages = [Self.flow("10.244.9.9", "10.96.1.1", "10.244.0.1"), Self.flow("fd00::9", "fd00::1", "fd00::2", zone: 3)].map(
            Self.message)
        for round in 0..<20_000 {
            let bytes = random.mutated(messages[round % 2])
            _ = try? FlowMessage.decode(bytes.span)
        }
    }

    @Test func whatIsEndedIsNamedWhole() throws {
        let flow = Self.flow("10.244.9.9", "10.96.1.1", "10.244.0.1", zone: 3)
        let request = FlowMessage.remove(flow)
        #expect(request.type == 0x102)
        let payload = try #require(request.payload)
        // The kernel takes the direction that the client's packets have; the rest says that no other is meant.
        var (types, id): ([UInt16], UInt32?) = ([], nil)
        try payload.span.forEachAttribute(after: 4) { type, value throws(NetlinkDecodingError) in
            types.append(type)
            if type == 12 { id = try value.networkNumber() }
        }
        #expect(types == [1, 12, 18] && id == 7)
    }

    @Test func onlyOneProtocolIsAskedFor() throws {
        let request = FlowMessage.list(.ipv6, .udp, isFiltered: true)
        #expect(request.type == 0x101 && request.payload?.first == 10)
        #expect(FlowMessage.list(.ipv4, .udp, isFiltered: false).payload == [2, 0, 0, 0])
    }
}
