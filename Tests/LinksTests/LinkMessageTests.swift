import Addresses
import NetlinkCodec
import TestSupport
import Testing

@testable import Links

struct LinkMessageTests {
    let link = Link(index: 7, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)

    @Test func aLinkThatIsAskedForReadsBack() throws {
        let payload = try #require(LinkMessage.createDummy("kube-ipvs0").payload)
        var expected = link
        expected.index = 0
        let made = try LinkMessage.decode(payload.span)
        #expect(made == expected)
        // The flag and the mask that says that only it changes.
        #expect(Array(payload[8..<16]) == [0x80, 0, 0, 0, 0x80, 0, 0, 0])
        #expect(LinkMessage.createDummy("x").flags == [.create, .exclusive])
        #expect(LinkMessage.silence(link).flags == [])
        let silencing = try #require(LinkMessage.silence(link).payload)
        let named = try LinkMessage.decode(silencing.span)
        #expect(named.index == 7)
    }

    @Test(arguments: ["10.96.0.10", "2001:db8::1", "0.0.0.0", "::ffff:10.0.0.1"])
    func anAddressReadsBackAsAHostAddress(text: String) throws {
        let address = try #require(IPAddress(text))
        for change in [AddressChange.add(address), .remove(address)] {
            let payload = try #require(AddressMessage.request(change, on: link).payload)
            let read = try AddressMessage.decode(payload.span)
            #expect(read == LinkAddress(address, prefixLength: address.family.bitWidth, linkIndex: 7))
            #expect(read?.isHostAddress == true)
        }
        let payload = try #require(AddressMessage.request(.add(address), on: link).payload)
        // IFA_CACHEINFO: valid for ever and never preferred, for IPv6 only.
        let lifetimes: [UInt8] = [20, 0, 6, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect((Array(payload.dropLast(8).suffix(20)) == lifetimes) == (address.family == .ipv6))
        // IFA_FLAGS comes last: without duplicate detection and prefix route for IPv6.
        #expect(Array(payload.suffix(8)) == [8, 0, 8, 0, address.family == .ipv6 ? 0x82 : 0x80, address.family == .ipv6 ? 2 : 0, 0, 0])
    }

    @Test func theOtherEndIsNotTheAddress() throws {
        var encoder = NetlinkEncoder()
        encoder.append(contentsOf: [2, 32, 0, 0, 3, 0, 0, 0])
        encoder.attribute(1, bytes: [192, 0, 2, 2])
        encoder.attribute(2, bytes: [192, 0, 2, 1])
        let bytes = encoder.bytes
        let read = try AddressMessage.decode(bytes.span)
        #expect(read?.address == IPAddress("192.0.2.1"))
    }

    @Test(arguments: ["", ".", "..", "sixteen-bytes-xx", "a b", "a/b", "a:1", "a\n"])
    func refusesWhatIsNoName(name: String) { #expect(!LinkMessage.isName(name)) }

    @Test func linkLocalAddressesAreTheKernels() throws {
        let address = try #require(IPAddress("fe80::1"))
        #expect(!LinkAddress(address, prefixLength: 128, linkIndex: 1).isHostAddress)
        #expect(!LinkAddress(try #require(IPAddress("10.0.0.1")), prefixLength: 24, linkIndex: 1).isHostAddress)
    }

    @Test func hostileBytesAreAnErrorOrAValue() throws {
        let address = try #require(IPAddress("2001:db8::1"))
        let samples = [LinkMessage.createDummy("kube-ipvs0").payload, AddressMessage.request(.add(address), on: link).payload]
        var random = SeededGenerator(seed: 3)
        for sample in samples {
            let sample = try #require(sample)
            for _ in 0..<20_000 {
                var bytes = sample
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    if Bool.random(using: &random) {
                        bytes[place] = UInt8.random(in: 0...255, using: &random)
                    } else {
                        bytes.remove(at: place)
                    }
                }
                _ = try? LinkMessage.decode(bytes.span)
                if let read = try? AddressMessage.decode(bytes.span) {
                    #expect((0...read.address.family.bitWidth).contains(read.prefixLength))
                }
                let header = NetlinkHeader(length: 0, type: UInt16.random(in: 14...24, using: &random), flags: [], sequence: 0, port: 0)
                _ = LinkEvent(NetlinkReply(header: header, payload: bytes))
            }
        }
    }
}
