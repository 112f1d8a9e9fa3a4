import NetlinkCodec
import NetlinkTesting
import TestSupport
import Testing

@Suite struct AttributeTests {
    /// An attribute as a tree, to compare what was written with what is read.
    indirect enum Tree: Equatable {
        case leaf(UInt16, [UInt8])
        case nest(UInt16, [Tree])

        func encode(_ encoder: inout NetlinkEncoder) {
            switch self {
            case .leaf(let type, let bytes): encoder.attribute(type, bytes: bytes)
            case .nest(let type, let children): encoder.nest(type) { encoder in for child in children { child.encode(&encoder) } }
            }
        }

        static func random(depth: Int, _ generator: inout SeededGenerator) -> Tree {
            let type = UInt16.random(in: 1...0x3fff, using: &generator)
            if depth == 0 || Bool.random(using: &generator) {
                return .leaf(type, generator.bytes(Int.random(in: 0...17, using: &generator)))
            }
            return .nest(type, (0..<Int.random(in: 0...3, using: &generator)).map { _ in random(depth: depth - 1, &generator) })
        }

        /// Reads the bytes in the shape that this tree has.
        func matches(_ type: UInt16, _ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Bool {
            switch self {
            case .leaf(let expected, let bytes): return type == expected && payload.copied() == bytes
            case .nest(let expected, let children):
                var index = 0
                var same = type == expected
                try payload.forEachAttribute { type, payload throws(NetlinkDecodingError) in
                    guard index < children.count else {
                        same = false
                        return
                    }
                    if try !children[index].matches(type, payload) { same = false }
                    index += 1
                }
                return same && index == children.count
            }
        }
    }

    @Test("What is written is read", arguments: 0..<200)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let tree = Tree.random(depth: 4, &generator)
        var encoder = NetlinkEncoder()
        tree.encode(&encoder)
        #expect(encoder.bytes.count % 4 == 0)
        var seen = 0
        try encoder.bytes.span.forEachAttribute { type, payload throws(NetlinkDecodingError) in
            seen += 1
            let same = try tree.matches(type, payload)
            #expect(same)
        }
        #expect(seen == 1)
    }

    @Test func bytesAreTheKernels() {
        var encoder = NetlinkEncoder()
        encoder.attribute(6, "wlc")
        encoder.nest(1) { $0.attribute(4, network: 0x1234 as UInt16) }
        #expect(
            encoder.bytes == [
                8, 0, 6, 0, 0x77, 0x6c, 0x63, 0,
                12, 0, 1, 0x80, 6, 0, 4, 0, 0x12, 0x34, 0, 0,
            ])
    }

    @Test func anEmptyPayloadIsNoAttribute() throws {
        try [UInt8]().span.forEachAttribute { _, _ in Issue.record("there is none") }
    }

    @Test("The flag bits are not part of the type", arguments: [0x00, 0x40, 0x80, 0xc0] as [UInt8])
    func flagBits(bits: UInt8) throws {
        let bytes: [UInt8] = [4, 0, 3, bits | 0x01]
        try bytes.span.forEachAttribute { type, _ in #expect(type == 0x103) }
    }

    @Test("The last attribute may lack its padding")
    func lastWithoutPadding() throws {
        var types: [UInt16] = []
        try [UInt8]([5, 0, 3, 0, 9]).span.forEachAttribute { type, payload throws(NetlinkDecodingError) in
            types.append(type)
            #expect(payload.copied() == [9])
        }
        #expect(types == [3])
    }

    @Test(
        "What is not an attribute is refused, with its place",
        arguments: [
            ([5, 0, 3], 2), ([3, 0, 1, 0], 0), ([0, 0, 1, 0], 0), ([9, 0, 1, 0, 1, 2, 3, 4], 0),
            ([4, 0, 1, 0, 0xff, 0xff, 1, 0], 4), ([4, 0, 1, 0, 4], 4),
        ] as [([UInt8], Int)])
    func refused(bytes: [UInt8], offset: Int) {
        do throws(NetlinkDecodingError) {
            try bytes.span.forEachAttribute { _, _ in }
            Issue.record("accepted \(bytes)")
        } catch {
            #expect(error.offset == offset)
        }
    }

    @Test("The offset of an error in a nest counts from the outermost span")
    func nestedOffset() {
        // 4 bytes of structure, then a nest that holds a good attribute and one that is cut off.
        let bytes: [UInt8] = [1, 1, 0, 0, 12, 0, 1, 0x80, 4, 0, 1, 0, 9, 0, 2, 0]
        do throws(NetlinkDecodingError) {
            try bytes.span.forEachAttribute(after: 4) { _, nest throws(NetlinkDecodingError) in try nest.forEachAttribute { _, _ in } }
            Issue.record("accepted")
        } catch {
            #expect(error.offset == 12)
        }
    }

    @Test func anAttributeTooLongForItsLengthIsNotSent() {
        let request = NetlinkRequest("test", type: 20) { $0.nest(1) { $0.attribute(2, bytes: Array(repeating: 0, count: 65536)) } }
        #expect(request.payload == nil)
        #expect(request.messageLength == nil)
        let longest = NetlinkRequest("test", type: 20) { $0.attribute(2, bytes: Array(repeating: 0, count: 65531)) }
        #expect(longest.messageLength == 16 + 65536)
    }

    @Test func numbersAreChecked() throws {
        let bytes: [UInt8] = [1, 2, 3, 4]
        let network: UInt32 = try bytes.span.networkNumber()
        #expect(network == 0x0102_0304)
        let host: UInt16 = try bytes.span.hostNumber(at: 2)
        #expect(host == UInt16(littleEndian: 0x0403))
        for offset in [-1, 1, 4, Int.max] {
            #expect(throws: NetlinkDecodingError.self) { try bytes.span.hostNumber(UInt32.self, at: offset) }
        }
    }

    @Test func textEndsAtTheZero() {
        let texts: [([UInt8], String)] = [
            ([0x72, 0x72, 0, 0x78], "rr"), ([0x72, 0x72], "rr"), ([], ""), ([0], ""), ([0xff, 0x72], "\u{fffd}r"),
        ]
        for (bytes, expected) in texts {
            let text = bytes.span.text()
            #expect(text == expected)
        }
    }
}
