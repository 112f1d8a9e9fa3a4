import NetlinkCodec
import NetlinkTesting
import TestSupport
import Testing

@Suite struct MessageTests {
    @Test func headerIsTheKernels() throws {
        let request = NetlinkRequest("test", type: 0x1a, flags: [.create]) { $0.append(0xaabb_ccdd as UInt32) }
        var encoder = NetlinkEncoder()
        request.write(to: &encoder, sequence: 7, port: 9, extraFlags: .acknowledge)
        #expect(
            encoder.bytes == [20, 0, 0, 0, 0x1a, 0, 0x05, 0x04, 7, 0, 0, 0, 9, 0, 0, 0, 0xdd, 0xcc, 0xbb, 0xaa])
        let header = try NetlinkHeader(reading: encoder.bytes.span)
        #expect(
            header == NetlinkHeader(length: 20, type: 0x1a, flags: [.request, .acknowledge, .create], sequence: 7, port: 9))
    }

    @Test("A datagram is split into its messages, whatever their lengths", arguments: 0..<100)
    func split(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let payloads = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
            generator.bytes(Int.random(in: 0...33, using: &generator))
        }
        var datagram = NetlinkEncoder()
        for (index, payload) in payloads.enumerated() {
            NetlinkRequest("test", type: 99) { $0.append(contentsOf: payload) }
                .write(to: &datagram, sequence: UInt32(index), port: 0, extraFlags: [])
        }
        var read: [[UInt8]] = []
        try datagram.bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
            #expect(header.sequence == UInt32(read.count))
            read.append(payload.copied())
        }
        #expect(read == payloads)
    }

    @Test("Messages before a malformed one are delivered")
    func malformedAfterGood() {
        let good = KernelMessage.raw(type: 16, sequence: 1, payload: [1, 2, 3, 4])
        for tail: [UInt8] in [
            [1], [15, 0, 0, 0] + Array(repeating: 0, count: 12), [0xff, 0xff, 0xff, 0xff] + Array(repeating: 0, count: 12),
        ] {
            var delivered = 0
            do throws(NetlinkDecodingError) {
                try (good + tail).span.forEachMessage { _, _ in delivered += 1 }
                Issue.record("accepted \(tail)")
            } catch {
                #expect(error.offset == 20)
            }
            #expect(delivered == 1)
        }
    }

    @Test func genericHeader() throws {
        var encoder = NetlinkEncoder()
        let header = GenericNetlinkHeader(command: 4, version: 1)
        encoder.append(header)
        #expect(encoder.bytes == [4, 1, 0, 0])
        let read = try GenericNetlinkHeader(reading: encoder.bytes.span)
        #expect(read == header)
        #expect(throws: NetlinkDecodingError.self) {
            let short: [UInt8] = [1, 2]
            _ = try GenericNetlinkHeader(reading: short.span)
        }
    }

    @Test("No bytes crash the reader", arguments: 0..<300)
    func garbage(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let request = NetlinkReply(header: NetlinkHeader(length: 20, type: 20, flags: [], sequence: 3, port: 0), payload: [])
        let good = KernelMessage.acknowledgement(of: request, errno: 22, text: "no") + KernelMessage.done(3)
        for bytes in [generator.bytes(Int.random(in: 0...80, using: &generator))] + (0..<20).map({ _ in generator.mutated(good) }) {
            try? bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                _ = try? NetlinkAcknowledgement(error: payload, flags: header.flags)
                _ = try? NetlinkAcknowledgement(done: payload, flags: header.flags)
                try payload.forEachAttribute { _, _ in }
            }
        }
    }
}

@Suite struct AcknowledgementTests {
    static let request = NetlinkReply(
        header: NetlinkHeader(length: 28, type: 20, flags: [.request], sequence: 3, port: 0), payload: Array(repeating: 7, count: 12))

    func read(_ message: [UInt8]) throws -> NetlinkAcknowledgement {
        var read: NetlinkAcknowledgement?
        try message.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
            read = try NetlinkAcknowledgement(error: payload, flags: header.flags)
        }
        return try #require(read)
    }

    @Test func success() throws {
        #expect(try read(KernelMessage.acknowledgement(of: Self.request)) == NetlinkAcknowledgement(errno: 0))
    }

    @Test func withText() throws {
        let message = KernelMessage.acknowledgement(of: Self.request, errno: 34, text: "weight out of range")
        #expect(try read(message) == NetlinkAcknowledgement(errno: 34, message: "weight out of range"))
    }

    @Test("A kernel that repeats the request puts the text behind it")
    func uncapped() throws {
        var encoder = NetlinkEncoder()
        encoder.append(UInt32(bitPattern: -22))
        encoder.append(28 as UInt32)
        encoder.append(contentsOf: Array(repeating: 0, count: 12) + Self.request.payload)
        encoder.attribute(1, "why")
        encoder.attribute(2, 20 as UInt32)
        encoder.attribute(5, 6 as UInt32)
        encoder.attribute(99, 1 as UInt32)
        let message = KernelMessage.raw(
            type: NetlinkControl.error, flags: [.extendedAcknowledgement], sequence: 3, payload: encoder.bytes)
        #expect(try read(message) == NetlinkAcknowledgement(errno: 22, message: "why", offendingOffset: 20, missingAttribute: 6))
    }

    @Test("An error number that is none is a protocol error", arguments: [5, -5000, Int32.min, Int32.max] as [Int32])
    func oddNumbers(code: Int32) throws {
        var encoder = NetlinkEncoder()
        encoder.append(UInt32(bitPattern: code))
        encoder.append(contentsOf: Array(repeating: 0, count: 16))
        #expect(try read(KernelMessage.raw(type: NetlinkControl.error, sequence: 1, payload: encoder.bytes)).errno == 71)
    }

    @Test func endOfDump() throws {
        for (bytes, errno) in [([], 0), ([1, 0, 0, 0], 0), ([0xfc, 0xff, 0xff, 0xff], 4)] as [([UInt8], Int32)] {
            let answer = try NetlinkAcknowledgement(done: bytes.span, flags: [])
            #expect(answer.errno == errno)
        }
    }
}
