import Glibc
import NetlinkCodec
import Testing

@testable import NetlinkTransport

/// Several datagrams at once, over a pair of sockets that keep datagrams apart as netlink does.
@Suite struct DatagramSlotsTests {
    /// A pair of sockets, closed with it.
    private final class Pair {
        private(set) var ends: [Int32] = [-1, -1]

        init() throws {
            let made = unsafe ends.withUnsafeMutableBufferPointer { ends in
                unsafe socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, ends.baseAddress)
            }
            try #require(made == 0)
        }

        deinit { for end in ends { close(end) } }

        func send(_ bytes: [UInt8]) {
            let sent = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(ends[0], $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
            #expect(sent == bytes.count)
        }
    }

    @Test func allThatIsThereComesInItsOrderAndNothingIsWaitedFor() throws {
        let (pair, slots) = (try Pair(), DatagramSlots())
        #expect(try slots.receive(pair.ends[1]) == nil)
        #expect(errno == EAGAIN)
        // A Unix socket holds few of them (net.unix.max_dgram_qlen).
        for round in 0..<3 as Range<UInt8> {
            for number in 0..<8 as Range<UInt8> { pair.send([UInt8](repeating: number, count: 1 + Int(number + round) * 100)) }
            let datagrams = try #require(try slots.receive(pair.ends[1]))
            #expect(datagrams.map(\.bytes) == (0..<8).map { [UInt8](repeating: $0, count: 1 + Int($0 + round) * 100) })
            #expect(try slots.receive(pair.ends[1]) == nil)
        }
    }

    @Test func oneThatDoesNotFitIsAnErrorAndTheNextIsHeard() throws {
        let (pair, slots) = (try Pair(), DatagramSlots())
        pair.send([1])
        pair.send([UInt8](repeating: 2, count: DatagramSlots.bytesPerDatagram + 1))
        #expect(throws: NetlinkChannelError.truncated) { try slots.receive(pair.ends[1]) }
        pair.send([UInt8](repeating: 3, count: DatagramSlots.bytesPerDatagram))
        #expect(try slots.receive(pair.ends[1])?.map(\.bytes.count) == [DatagramSlots.bytesPerDatagram])
    }

    @Test func whatIsClosedIsNamed() throws {
        #expect(try DatagramSlots().receive(-1) == nil)
        #expect(errno == EBADF)
    }
}
