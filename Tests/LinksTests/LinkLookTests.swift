import Addresses
import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

@testable import Links

/// Whole looks, at a kernel of which some dumps are interrupted.
@Suite struct LinkLookTests {
    private let dummy = Link(index: 0, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)
    private let other = Link(index: 7, name: "eth0", kind: nil, isUp: true, noARP: false)

    private func message(_ request: NetlinkRequest, _ sequence: UInt32) -> [UInt8] {
        var encoder = NetlinkEncoder()
        request.write(to: &encoder, sequence: sequence, port: 4711, extraFlags: .multipart)
        return encoder.bytes
    }

    /// A kernel whose first dumps of addresses change while they are read. Each dump comes in two datagrams, as long ones do.
    private func kernel(interrupted: Int, dumps: Counter) -> FakeNetlinkChannel {
        FakeNetlinkChannel { requests in
            let sequence = requests[0].header.sequence
            guard requests[0].header.type == AddressMessage.get else {
                return [.messages([self.message(LinkMessage.createDummy("kube-ipvs0"), sequence), KernelMessage.done(sequence)])]
            }
            dumps.value += 1
            let flags: NetlinkFlags = dumps.value <= interrupted ? .dumpInterrupted : []
            let addresses = [("10.96.0.\(dumps.value)", self.dummy), ("192.0.2.1", self.other), ("10.96.1.1", self.dummy)].map {
                self.message(AddressMessage.request(.add(IPAddress($0) ?? IPAddress(ipv4: 0)), on: $1), sequence)
            }
            return [.messages(Array(addresses[..<2])), .messages([addresses[2], KernelMessage.done(sequence, flags: flags)])]
        }
    }

    private final class Counter { var value = 0 }

    private func look(_ channel: FakeNetlinkChannel) throws(LinkError) -> LinkLook {
        do throws(NetlinkError) { return try LinkLook("kube-ipvs0", NetlinkSocket(channel)) } catch { throw .netlink(error) }
    }

    @Test(arguments: [0, 1, 7])
    func whatChangesMeanwhileIsLookedAtAnew(interrupted: Int) throws {
        let dumps = Counter()
        let seen = try LinkLook.whole(expecting: 2) { () throws(LinkError) in try look(kernel(interrupted: interrupted, dumps: dumps)) }
        #expect(seen.link == dummy)
        let last = IPAddress("10.96.0.\(interrupted + 1)")
        #expect(Set(seen.hostAddresses.map { $0 }) == Set([last, IPAddress("10.96.1.1")].compactMap(\.self)), "none of an earlier look")
        #expect(seen.others.all.keys.map(\.description) == ["192.0.2.1"])
    }

    @Test func whatNeverStandsStillIsGivenUp() {
        let dumps = Counter()
        #expect(throws: LinkError.self) {
            try LinkLook.whole { () throws(LinkError) in try look(kernel(interrupted: .max, dumps: dumps)) }
        }
        #expect(dumps.value == 8)
    }
}
