/// ICMP's echo (RFC 792, RFC 4443) as bytes. Pure.
enum ICMPEcho {
    /// A request. The kernel computes the checksum of ICMPv6, and fills in the identifier of a ping socket.
    static func request(isIPv6: Bool, id: UInt16, sequence: UInt16, payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [isIPv6 ? 128 : 8, 0, 0, 0, UInt8(id >> 8), UInt8(id & 0xff), UInt8(sequence >> 8), UInt8(sequence & 0xff)]
        bytes += payload
        guard !isIPv6 else { return bytes }
        let sum = checksum(bytes)
        bytes[2] = UInt8(sum >> 8)
        bytes[3] = UInt8(sum & 0xff)
        return bytes
    }

    /// Whether a packet is the reply to a request; the identifier is compared where the kernel has not chosen it.
    static func isReply(_ packet: [UInt8], to request: [UInt8], isIPv6: Bool, isRaw: Bool) -> Bool {
        var reply = packet[...]
        // A raw socket of IPv4 gets the packet with its IP header, whose length is in words of four bytes.
        if isRaw, !isIPv6 {
            guard let first = packet.first, first >> 4 == 4 else { return false }
            let length = Int(first & 0x0f) * 4
            guard length >= 20, packet.count >= length else { return false }
            reply = packet[length...]
        }
        guard reply.count == request.count, let type = reply.first, type == (isIPv6 ? 129 : 0) else { return false }
        let bytes = Array(reply)
        guard bytes[1] == 0, !isRaw || bytes[4...5] == request[4...5] else { return false }
        return bytes[6...] == request[6...]
    }

    /// The ones' complement of the ones' complement sum (RFC 1071).
    static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for place in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[place]) << 8 | (place + 1 < bytes.count ? UInt32(bytes[place + 1]) : 0)
        }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }
}
