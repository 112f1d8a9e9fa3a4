/// Splitting a datagram into its messages.
extension Span where Element == UInt8 {
    /// Calls `body` with the header and payload of each message of a datagram, in order.
    ///
    /// A message that says to be shorter than its header or longer than what is left ends the reading with an error; those
    /// before it were delivered. The last one may lack its padding.
    package func forEachMessage<Failure: Error>(
        malformed: (NetlinkDecodingError) -> Failure,
        _ body: (NetlinkHeader, _ payload: Span<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        var offset = 0
        while offset < count {
            let header: NetlinkHeader
            do throws(NetlinkDecodingError) {
                header = try NetlinkHeader(reading: self, at: offset)
            } catch {
                throw malformed(error)
            }
            let length = Int(header.length)
            guard length >= NetlinkHeader.byteCount, length <= count - offset else {
                throw malformed(NetlinkDecodingError(at: offset, "a message of \(length) bytes where \(count - offset) are left"))
            }
            try body(header, extracting((offset + NetlinkHeader.byteCount)..<(offset + length)))
            offset += netlinkAligned(length)
        }
    }

    /// The same where the caller's errors are decoding errors too.
    package func forEachMessage(
        _ body: (NetlinkHeader, _ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Void
    ) throws(NetlinkDecodingError) {
        try forEachMessage(malformed: { $0 }, body)
    }
}
