/// Reading a sequence of attributes.
extension Span where Element == UInt8 {
    /// Calls `body` with the type and payload of each attribute that these bytes hold, in order.
    ///
    /// Unknown types are for `body` to pass over: newer kernels add attributes at any time. The two flag bits
    /// (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`) are not part of the type given. An attribute that says to be shorter than its own
    /// header or longer than what is left is refused. The last one may lack its padding.
    package func forEachAttribute(
        _ body: (_ type: UInt16, _ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Void
    ) throws(NetlinkDecodingError) {
        var offset = 0
        while offset < count {
            let length = try Int(hostNumber(UInt16.self, at: offset))
            let type = try hostNumber(UInt16.self, at: offset + 2) & 0x3fff
            guard length >= 4 else {
                throw NetlinkDecodingError(at: offset, "attribute \(type) is \(length) bytes long, shorter than its header")
            }
            guard length <= count - offset else {
                throw NetlinkDecodingError(at: offset, "attribute \(type) is \(length) bytes long and \(count - offset) are left")
            }
            do throws(NetlinkDecodingError) {
                try body(type, extracting((offset + 4)..<(offset + length)))
            } catch {
                throw error.shifted(by: offset + 4)
            }
            offset += netlinkAligned(length)
        }
    }

    /// The bytes after a fixed structure that a payload begins with, as attributes.
    package func forEachAttribute(
        after structure: Int, _ body: (_ type: UInt16, _ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Void
    ) throws(NetlinkDecodingError) {
        let start = netlinkAligned(structure)
        guard start <= count else {
            throw NetlinkDecodingError(at: count, "\(count) bytes where a structure of \(structure) was expected")
        }
        do throws(NetlinkDecodingError) {
            try extracting(start..<count).forEachAttribute(body)
        } catch {
            throw error.shifted(by: start)
        }
    }
}
