import Addresses
import NetlinkCodec
import NodeModel
import TestSupport
import Testing

@testable import IPSetReading
@testable import IPSets

/// Payloads as a kernel (Linux 6.1) sent them.
@Suite struct SetMessageTests {
    struct Recording: Sendable, CustomTestStringConvertible {
        var key: SetKey
        var header: ObservedSet
        var entries: [SetEntry]
        var unreadable = 0
        var text: String
        var testDescription: String { key.name }

        var bytes: [UInt8] {
            let digits = Array(text.utf8)
            return stride(from: 0, to: digits.count - 1, by: 2).map { place in
                UInt8(String(decoding: digits[place...(place + 1)], as: UTF8.self), radix: 16) ?? 0
            }
        }
    }

    private static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(ipv4: 0) }
    private static func net(_ text: String) -> IPPrefix { IPPrefix(text) ?? IPPrefix(ip("0.0.0.0"), length: 32) ?? own }
    private static let own = IPPrefix(IPAddress(ipv4: 0), length: 0) ?? { preconditionFailure("0.0.0.0/0 is a range") }()

    static let recordings: [Recording] = [
        // ipset create KUBE-CLUSTER-IP hash:ip,port maxelem 65536 hashsize 64
        Recording(
            key: SetKey(.clusterIP, .ipv4), header: ObservedSet(typeName: "hash:ip,port", family: .ipv4, maximumEntries: 65536),
            entries: [.addressPort(ip("10.96.0.10"), 53, .udp), .addressPort(ip("10.96.0.10"), 9, .sctp)],
            text: """
                020000000500010006000000140002004b5542452d434c55535445522d49500011000300686173683a69702c706f72740000000005000500\
                0200000005000400060000003c00078008001240000000400800134000010000050015000c00000008001140e61a85f30800194000000000\
                08001a4000000120080018400000000244000880200007800c000180080001000a60000a0600044000350000050007001100000020000780\
                0c000180080001000a60000a06000440000900000500070084000000
                """),
        // ipset create KUBE-6-LOOP-BACK hash:ip,port,ip family inet6 maxelem 9
        Recording(
            key: SetKey(.loopBack, .ipv6), header: ObservedSet(typeName: "hash:ip,port,ip", family: .ipv6, maximumEntries: 9),
            entries: [.addressPortAddress(ip("fd00:10:244::2"), 8080, .tcp, ip("fd00:10:244::2"))],
            text: """
                020000000500010006000000150002004b5542452d362d4c4f4f502d4241434b0000000014000300686173683a69702c706f72742c697000\
                050005000a00000005000400060000003c00078008001240000004000800134000000009050015000c00000008001140ec3f593008001940\
                0000000008001a4000000148080018400000000148000880440007801800018014000200fd00001002440000000000000000000218001480\
                14000200fd000010024400000000000000000002060004401f9000000500070006000000
                """),
        // ipset create KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net; one of the three entries is `nomatch`.
        Recording(
            key: SetKey(.loadBalancerSourceCIDR, .ipv4),
            header: ObservedSet(typeName: "hash:ip,port,net", family: .ipv4, maximumEntries: 65536),
            entries: [
                .addressPortNet(ip("192.0.2.1"), 80, .tcp, net("203.0.113.7/32")),
                .addressPortNet(ip("192.0.2.1"), 80, .tcp, net("198.51.100.0/24")),
            ], unreadable: 1,
            text: """
                020000000500010006000000230002004b5542452d4c4f41442d42414c414e4345522d534f555243452d4349445200001500030068617368\
                3a69702c706f72742c6e657400000000050005000200000005000400080000003c0007800800124000000400080013400001000005001500\
                0c00000008001140b13c9720080019400000000008001a40000002700800184000000003a80008803c0007800c00018008000100c0000201\
                0c00148008000100cb0071000600044000510000050015001800000005000700060000000800084000000004340007800c00018008000100\
                c00002010c00148008000100cb007107060004400050000005001500200000000500070006000000340007800c00018008000100c0000201\
                0c00148008000100c6336400060004400050000005001500180000000500070006000000
                """),
        // ipset create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
        Recording(
            key: SetKey(.nodePortTCP, .ipv4), header: ObservedSet(typeName: "bitmap:port", family: .ipv4, maximumEntries: 0),
            entries: [.port(30080), .port(65535)],
            text: """
                020000000500010006000000170002004b5542452d4e4f44452d504f52542d5443500000100003006269746d61703a706f72740005000500\
                0000000005000400030000002c000780060004400000000006000540ffff0000080019400000000008001a40000020480800184000000002\
                1c0008800c00078006000440758000000c00078006000440ffff0000
                """),
        // ipset create KUBE-6-IPVS-IPS hash:ip family inet6 counters comment timeout 900
        Recording(
            key: SetKey(.boundAddresses, .ipv6), header: ObservedSet(typeName: "hash:ip", family: .ipv6, maximumEntries: 65536),
            entries: [.address(ip("fd00:10:96::a"))],
            text: """
                020000000500010006000000140002004b5542452d362d495056532d495053000c000300686173683a697000050005000a00000005000400\
                050000004c00078008001240000004000800134000010000050015000c00000008001140eec300b1080019400000000008001a400000015e\
                08001840000000010800064000000384080008400000001854000880500007801800018014000200fd00001000960000000000000000000a\
                08000640000001f304001e000c001840000000000000000004001e000c00194000000000000000000a001a0068656c6c6f000000
                """),
        // ipset create KUBE-EXTERNAL-IP hash:net: somebody else's under a name of ours.
        Recording(
            key: SetKey(.externalIP, .ipv4), header: ObservedSet(typeName: "hash:net", family: .ipv4, maximumEntries: 65536), entries: [],
            text: """
                020000000500010006000000150002004b5542452d45585445524e414c2d4950000000000d000300686173683a6e65740000000005000500\
                0200000005000400070000003c00078008001240000004000800134000010000050015000c000000080011408e7744340800194000000000\
                08001a40000001c0080018400000000004000880
                """),
    ]

    private func read(_ bytes: [UInt8], _ key: SetKey) throws(NetlinkDecodingError) -> (ObservedSet?, [SetEntry], Int) {
        var (entries, unreadable): ([SetEntry], Int) = ([], 0)
        let header = try SetMessage.header(bytes.span)
        try SetMessage.forEachEntry(bytes.span, of: key) { entry in
            if let entry { entries.append(entry) } else { unreadable += 1 }
        }
        return (header, entries, unreadable)
    }

    @Test(arguments: recordings)
    func whatTheKernelSendsIsUnderstood(recording: Recording) throws {
        let (header, entries, unreadable) = try read(recording.bytes, recording.key)
        #expect(header == recording.header)
        #expect(Set(entries) == Set(recording.entries) && entries.count == recording.entries.count)
        #expect(unreadable == recording.unreadable)
        #expect(try SetMessage.size(recording.bytes.span) == recording.entries.count + recording.unreadable)
        #expect(recording.header.serves(as: recording.key) == (recording.key.set != .externalIP))
    }

    @Test func onlyTheFirstMessageOfASetHasAHeader() throws {
        // Name and protocol, and the list of entries.
        var encoder = NetlinkEncoder()
        encoder.append(0 as UInt32)
        encoder.attribute(1, 6 as UInt8)
        encoder.attribute(2, "KUBE-NODE-PORT-TCP")
        encoder.nest(8) { list in list.nest(7) { $0.attribute(4, network: 80 as UInt16) } }
        let (header, entries, _) = try read(encoder.bytes, SetKey(.nodePortTCP, .ipv4))
        #expect(header == nil && entries == [.port(80)])
    }

    static let incompleteEntries: [(ServiceSet, @Sendable (inout NetlinkEncoder) -> Void)] = [
        (ServiceSet.boundAddresses, { $0.attribute(4, network: 80 as UInt16) }),
        (.clusterIP, { $0.nest(1) { $0.attribute(1, bytes: [10, 0, 0, 1]) } }),
        (
            .clusterIP,
            { nest in
                nest.nest(1) { $0.attribute(1, bytes: [10, 0, 0, 1]) }
                nest.attribute(4, network: 80 as UInt16)
                nest.attribute(7, 136 as UInt8)
            }
        ),
        (
            .loadBalancerSourceCIDR,
            { nest in
                nest.nest(1) { $0.attribute(1, bytes: [10, 0, 0, 1]) }
                nest.nest(20) { $0.attribute(1, bytes: [10, 0, 0, 0]) }
                nest.attribute(21, 33 as UInt8)
                nest.attribute(4, network: 80 as UInt16)
                nest.attribute(7, 6 as UInt8)
            }
        ),
        (.nodePortTCP, { _ in }),
        // A mark that is not there, and one of which some bits are not set.
        (
            .insideMark,
            { nest in
                nest.nest(1) { $0.attribute(1, bytes: [10, 0, 0, 1]) }
                nest.attribute(4, network: 80 as UInt16)
                nest.attribute(7, 6 as UInt8)
            }
        ),
        (
            .insideMark,
            { nest in
                nest.nest(1) { $0.attribute(1, bytes: [10, 0, 0, 1]) }
                nest.attribute(4, network: 80 as UInt16)
                nest.attribute(7, 6 as UInt8)
                nest.attribute(27, bytes: [0x10, 0, 0, 1, 0x0f, 0xff, 0xff, 0xff])
            }
        ),
    ]

    @Test("What an entry of the type lacks, or is beyond it, is counted and not invented", arguments: incompleteEntries)
    func incomplete(set: ServiceSet, entry: @Sendable (inout NetlinkEncoder) -> Void) throws {
        var encoder = NetlinkEncoder()
        encoder.append(0 as UInt32)
        encoder.nest(8) { $0.nest(7, entry) }
        let (_, entries, unreadable) = try read(encoder.bytes, SetKey(set, .ipv4))
        #expect(entries == [] && unreadable == 1)
    }

    @Test("No bytes crash the reader, and what comes out is of the set's type", arguments: 0..<300 as Range<UInt64>)
    func mutations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for recording in Self.recordings {
            for _ in 0..<10 {
                guard let (_, entries, _) = try? read(generator.mutated(recording.bytes), recording.key) else { continue }
                #expect(entries.allSatisfy { $0.type == recording.key.type })
            }
        }
    }
}
