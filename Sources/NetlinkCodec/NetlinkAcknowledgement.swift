/// How the kernel answers a request: `struct nlmsgerr`, with what `NETLINK_EXT_ACK` adds to it.
package struct NetlinkAcknowledgement: Hashable, Sendable {
    /// A number of `errno.h`, positive; 0 where the request succeeded.
    package var errno: Int32

    /// The kernel's own words about the error (`NLMSGERR_ATTR_MSG`), where it had any. A warning can come with success.
    package var message: String?

    /// Where in the request the attribute is that the kernel refused, counted from the request's header (`NLMSGERR_ATTR_OFFS`).
    package var offendingOffset: UInt32?

    /// The type of a required attribute that the request lacked (`NLMSGERR_ATTR_MISS_TYPE`).
    package var missingAttribute: UInt32?

    package init(errno: Int32, message: String? = nil, offendingOffset: UInt32? = nil, missingAttribute: UInt32? = nil) {
        self.errno = errno
        self.message = message
        self.offendingOffset = offendingOffset
        self.missingAttribute = missingAttribute
    }

    /// Reads the payload of an `NLMSG_ERROR`.
    ///
    /// The error number is followed by the request's header, and by the request's payload too unless the `capped` flag is set or the
    /// request succeeded; the explaining attributes come last.
    package init(error payload: Span<UInt8>, flags: NetlinkFlags) throws(NetlinkDecodingError) {
        self.init(errno: try Self.positive(payload.hostNumber()))
        guard flags.contains(.extendedAcknowledgement) else { return }
        let request = try NetlinkHeader(reading: payload, at: 4)
        var start = 4 + NetlinkHeader.byteCount
        if !flags.contains(.capped), errno != 0 {
            guard request.length >= UInt32(NetlinkHeader.byteCount) else {
                throw NetlinkDecodingError(at: 4, "the request repeated in an error is \(request.length) bytes long")
            }
            start = 4 + netlinkAligned(Int(request.length))
        }
        try readAttributes(of: payload, after: start)
    }

    /// Reads the payload of an `NLMSG_DONE`, in which a dump says how it ended. Old kernels leave it empty.
    package init(done payload: Span<UInt8>, flags: NetlinkFlags) throws(NetlinkDecodingError) {
        guard payload.count >= 4 else {
            self.init(errno: 0)
            return
        }
        let code: UInt32 = try payload.hostNumber()
        // A dump may end with a positive count, which is no error.
        self.init(errno: Int32(bitPattern: code) < 0 ? Self.positive(code) : 0)
        guard flags.contains(.extendedAcknowledgement) else { return }
        try readAttributes(of: payload, after: 4)
    }

    private mutating func readAttributes(of payload: Span<UInt8>, after start: Int) throws(NetlinkDecodingError) {
        var found = self
        try payload.forEachAttribute(after: start) { type, value throws(NetlinkDecodingError) in
            switch type {
            case 1: found.message = value.text()
            case 2: found.offendingOffset = try value.hostNumber()
            case 5: found.missingAttribute = try value.hostNumber()
            default: break
            }
        }
        self = found
    }

    /// The kernel sends errors as negative numbers. What is not one in its range (`MAX_ERRNO` is 4095) becomes `EPROTO` (71).
    private static func positive(_ code: UInt32) -> Int32 {
        let number = Int32(bitPattern: code)
        if number == 0 { return 0 }
        return (-4095 ... -1).contains(number) ? -number : 71
    }
}
