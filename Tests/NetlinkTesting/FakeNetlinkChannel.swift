package import NetlinkCodec
package import NetlinkTransport

/// A channel whose other end is a function from messages to what arrives in answer.
///
/// Time does not pass in it: a receive that finds nothing has waited its whole time.
package final class FakeNetlinkChannel: NetlinkChannel {
    package enum Arrival {
        case datagram(NetlinkDatagram)
        case error(NetlinkChannelError)

        /// Messages in one datagram from the kernel.
        package static func messages(_ messages: [[UInt8]]) -> Arrival {
            .datagram(NetlinkDatagram(messages.flatMap { $0 }))
        }
    }

    /// What is called with the messages of every datagram sent.
    package var peer: ([NetlinkReply]) -> [Arrival]

    /// Thrown by the next send, in place of sending.
    package var sendError: NetlinkChannelError?

    /// What is received is never used up: the first of the queue comes again and again.
    package var isEndless = false

    /// The time that each receive was given.
    package private(set) var waits: [Duration] = []

    package private(set) var joined: [UInt32] = []
    package private(set) var isClosed = false
    package private(set) var sent: [[NetlinkReply]] = []
    /// What has arrived and was not received.
    package private(set) var waiting: [Arrival] = []

    package let port: UInt32 = 4711
    package let fileDescriptor: Int32 = -1

    package init(_ peer: @escaping ([NetlinkReply]) -> [Arrival] = { _ in [] }) { self.peer = peer }

    /// Puts something into the queue without being asked: announcements, late answers.
    package func push(_ arrivals: Arrival...) { waiting += arrivals }

    package func send(_ datagram: [UInt8], timeout: Duration) throws(NetlinkChannelError) {
        if let error = sendError {
            sendError = nil
            throw error
        }
        var messages: [NetlinkReply] = []
        do throws(NetlinkDecodingError) {
            try datagram.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                messages.append(NetlinkReply(header: header, payload: payload.copied()))
            }
        } catch {
            throw .system(call: "send of a malformed datagram", errno: 22)
        }
        sent.append(messages)
        waiting += peer(messages)
    }

    package func receive(timeout: Duration) throws(NetlinkChannelError) -> NetlinkDatagram? {
        waits.append(timeout)
        guard !waiting.isEmpty else { return nil }
        switch isEndless ? waiting[0] : waiting.removeFirst() {
        case .datagram(let datagram): return datagram
        case .error(let error): throw error
        }
    }

    package func join(group: UInt32) throws(NetlinkChannelError) { joined.append(group) }

    package func close() { isClosed = true }
}

/// Messages as the kernel writes them.
package enum KernelMessage {
    package static func raw(
        type: UInt16, flags: NetlinkFlags = [], sequence: UInt32, payload: [UInt8] = []
    ) -> [UInt8] {
        var encoder = NetlinkEncoder()
        encoder.append(UInt32(NetlinkHeader.byteCount + payload.count))
        encoder.append(type)
        encoder.append(flags.rawValue)
        encoder.append(sequence)
        encoder.append(4711 as UInt32)
        encoder.append(contentsOf: payload)
        while encoder.bytes.count % 4 != 0 { encoder.append(0 as UInt8) }
        return encoder.bytes
    }

    /// The acknowledgement of a request; with text, as `NETLINK_CAP_ACK` and `NETLINK_EXT_ACK` have it.
    package static func acknowledgement(of request: NetlinkReply, errno: Int32 = 0, text: String? = nil) -> [UInt8] {
        var encoder = NetlinkEncoder()
        encoder.append(UInt32(bitPattern: -errno))
        encoder.append(request.header.length)
        encoder.append(request.header.type)
        encoder.append(request.header.flags.rawValue)
        encoder.append(request.header.sequence)
        encoder.append(request.header.port)
        var flags: NetlinkFlags = [.capped]
        if let text {
            flags.insert(.extendedAcknowledgement)
            encoder.attribute(1, text)
        }
        return raw(type: NetlinkControl.error, flags: flags, sequence: request.header.sequence, payload: encoder.bytes)
    }

    /// The end of a dump; with a number, a dump that failed.
    package static func done(_ sequence: UInt32, errno: Int32 = 0, flags: NetlinkFlags = []) -> [UInt8] {
        var encoder = NetlinkEncoder()
        encoder.append(UInt32(bitPattern: -errno))
        return raw(type: NetlinkControl.done, flags: flags.union(.multipart), sequence: sequence, payload: encoder.bytes)
    }
}
