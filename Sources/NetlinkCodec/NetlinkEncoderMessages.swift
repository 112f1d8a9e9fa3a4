/// Writing messages one behind another, as a datagram holds them.
extension NetlinkEncoder {
    /// Writes the header of a message; what follows is its payload, up to the end of the message. A datagram is given the sequence number
    /// and the port then, and the length, which is not known before.
    package mutating func beginMessage(type: UInt16, flags: NetlinkFlags = NetlinkFlags()) {
        bytes.append(addingCapacity: NetlinkHeader.byteCount) { (room: inout OutputSpan<UInt8>) in
            room.append(hostOrder: 0 as UInt32)
            room.append(hostOrder: type)
            room.append(hostOrder: flags.rawValue | NetlinkFlags.request.rawValue)
            room.append(hostOrder: 0 as UInt32)
            room.append(hostOrder: 0 as UInt32)
        }
    }

    /// Ends the message that begins there. False, and without the message, where it was not written or is too long to be sent.
    package mutating func endMessage(at start: Int, sequence: UInt32, port: UInt32) -> Bool {
        let length = bytes.count - start
        guard !hasOverflowed, (NetlinkHeader.byteCount...Self.longestMessage).contains(length) else {
            bytes.removeSubrange(start...)
            hasOverflowed = false
            return false
        }
        write(UInt32(truncatingIfNeeded: length), at: start)
        write(sequence, at: start + 8)
        write(port, at: start + 12)
        pad()
        return true
    }

    /// Adds flags to the message that begins there.
    package mutating func add(_ flags: NetlinkFlags, toMessageAt start: Int) {
        let old = UInt16(bytes[start + 6]) | UInt16(bytes[start + 7]) << 8
        write(UInt16(littleEndian: old) | flags.rawValue, at: start + 6)
    }

    /// Begins anew, in the memory that it has.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        hasOverflowed = false
    }

    /// No request of ours comes near; an attribute cannot be longer.
    package static var longestMessage: Int { 1 << 16 }

    private mutating func write(_ number: UInt32, at offset: Int) {
        let ordered = number.littleEndian
        write(UInt16(littleEndian: UInt16(truncatingIfNeeded: ordered)), at: offset)
        write(UInt16(littleEndian: UInt16(truncatingIfNeeded: ordered >> 16)), at: offset + 2)
    }
}
