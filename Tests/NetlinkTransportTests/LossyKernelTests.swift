import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import TestSupport
import Testing

/// A kernel that refuses some requests and loses some answers, by the rules of `net/netlink/af_netlink.c` (Linux 6.1): an answer for which
/// there is no memory is dropped and the socket says so at the next read (`netlink_ack`); one for which the queue has no room
/// congests the socket, which then drops all until the queue was read empty (`netlink_overrun`, `netlink_rcv_wake`).
private final class LossyKernel {
    private var generator: SeededGenerator
    private let room: Int
    /// What became of each request, by its number in the payload.
    private(set) var outcomes: [Int: Int32] = [:]
    private(set) var hasDropped = false

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        room = Int.random(in: 1...12, using: &generator)
    }

    func answer(_ messages: [NetlinkReply]) -> [FakeNetlinkChannel.Arrival] {
        var queue: [FakeNetlinkChannel.Arrival] = []
        var (isCongested, hasError) = (false, false)
        for message in messages {
            let number = Int(message.payload[0]) | Int(message.payload[1]) << 8
            let errno: Int32 = Int.random(in: 0..<20, using: &generator) == 0 ? Int32.random(in: 1...40, using: &generator) : 0
            #expect(outcomes.updateValue(errno, forKey: number) == nil, "request \(number) was run twice")
            guard errno != 0 || message.header.flags.contains(.acknowledge) else { continue }
            if Int.random(in: 0..<40, using: &generator) == 0 {
                hasError = true
            } else if isCongested || queue.count >= room {
                hasError = hasError || !isCongested
                isCongested = true
            } else {
                queue.append(.messages([KernelMessage.acknowledgement(of: message, errno: errno)]))
                continue
            }
            hasDropped = true
        }
        return (hasError ? [.error(.lost)] : []) + queue
    }
}

@Suite struct LossyKernelTests {
    @Test("Nothing is reported as done that was not, nor as refused with another's error, whatever was lost", arguments: 0..<300)
    func honesty(seed: UInt64) throws {
        let kernel = LossyKernel(seed: seed)
        let channel = FakeNetlinkChannel { kernel.answer($0) }
        var socket = NetlinkSocket(channel)
        let requests = (0..<700).map { number in
            NetlinkRequest("request \(number)", type: 20) { $0.append(UInt32(number)) }
        }
        let results = socket.execute(requests)
        #expect(kernel.outcomes.count == 700)
        for (number, result) in results.enumerated() {
            let outcome = try #require(kernel.outcomes[number])
            switch result?.cause {
            case nil: #expect(outcome == 0, "request \(number) was refused")
            case .refused(let answer): #expect(answer.errno == outcome)
            case .answerLost: #expect(kernel.hasDropped)
            case let cause: Issue.record("request \(number): \(cause.map { "\($0)" } ?? "")")
            }
        }
        if !kernel.hasDropped {
            #expect(results.allSatisfy { if case .refused = $0?.cause { true } else { $0 == nil } })
        }
    }
}
