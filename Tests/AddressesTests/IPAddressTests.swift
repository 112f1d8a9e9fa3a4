import Addresses
import TestSupport
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("10.96.0.10", "10.96.0.10"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("fd00:10:96::a", "fd00:10:96::a"), ("FD00:0010:0096:0:0:0:0:000A", "fd00:10:96::a"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        #expect(try #require(IPAddress(text)).description == canonical)
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1..3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "0x1.2.3.4",
        "1.2.3.4/8",
        ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:8::", ":1::", "1:", "::1.2.3",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0", "[::1]", "+1::", "１.2.3.4",
    ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func roundTripsThroughBytesAndText() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let count = Bool.random(using: &random) ? 4 : 16
            // Few distinct bytes, so that runs of zeros are common.
            let bytes = (0..<count).map { _ in
                [0, 0, 0, 1, 255, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
            }
            let address = try #require(IPAddress(bytes: bytes))
            #expect(address.bytes == bytes)
            #expect(IPAddress(address.description) == address, "\(address)")
        }
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test func ordersByFamilyThenNumber() throws {
        let texts = ["9.255.0.0", "10.0.0.1", "10.0.0.2", "::1", "fd00::", "fd00::1", "fd00:0:0:1::"]
        let addresses = try texts.map { try #require(IPAddress($0)) }
        #expect(addresses.shuffled().sorted() == addresses)
    }

    @Test func knowsSpecialRanges() throws {
        func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
        #expect(try address("127.8.0.1").isLoopback && address("::1").isLoopback && !address("128.0.0.1").isLoopback)
        #expect(try address("0.0.0.0").isUnspecified && address("::").isUnspecified)
        #expect(try address("239.1.1.1").isMulticast && address("ff02::1").isMulticast && !address("223.255.255.255").isMulticast)
        #expect(
            try address("169.254.1.1").isLinkLocal && address("fe80::1").isLinkLocal && address("febf::1").isLinkLocal
                && !address("fec0::1").isLinkLocal)
    }
}

@Suite struct IPPrefixTests {
    @Test(arguments: [
        ("10.96.0.0/12", "10.111.255.255", "10.112.0.0"), ("0.0.0.0/0", "255.1.2.3", "::"), ("192.0.2.10/32", "192.0.2.10", "192.0.2.11"),
        ("fd00:10:244::/48", "fd00:10:244:ffff::1", "fd00:10:245::"), ("::/0", "fd00::", "10.0.0.1"),
        ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
        ("fd00::/65", "fd00::7fff:0:0:1", "fd00::8000:0:0:0"),
    ])
    func contains(prefix: String, inside: String, outside: String) throws {
        let prefix = try #require(IPPrefix(prefix))
        #expect(prefix.contains(try #require(IPAddress(inside))))
        #expect(!prefix.contains(try #require(IPAddress(outside))))
    }

    @Test func clearsTheBitsAfterThePrefix() {
        #expect(IPPrefix("10.96.3.4/16")?.description == "10.96.0.0/16")
        #expect(IPPrefix("fd00:1:2:3:4::/64")?.description == "fd00:1:2:3::/64")
    }

    @Test(arguments: ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8", "/8", "10.0.0.0/8/8", "x/8"])
    func refuses(text: String) {
        #expect(IPPrefix(text) == nil)
    }
}
