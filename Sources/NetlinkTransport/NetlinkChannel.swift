/// The byte channel below a netlink socket: datagrams out, datagrams in.
///
/// The kernel is behind one of them; a test puts a function from messages to messages behind another.
package protocol NetlinkChannel: AnyObject {
    /// The port that the kernel knows this socket by; it goes into every request.
    var port: UInt32 { get }

    /// The number to wait on for announcements with `poll` or a dispatch source.
    var fileDescriptor: Int32 { get }

    /// Sends a datagram whole. The kernel has run the requests in it when this returns.
    func send(_ datagram: [UInt8], timeout: Duration) throws(NetlinkChannelError)

    /// The next datagram; nil where none came within the time. No time at all means: only what is there already.
    func receive(timeout: Duration) throws(NetlinkChannelError) -> NetlinkDatagram?

    /// The next datagrams, as many as are there and one call takes; none where none came within the time.
    func receiveSeveral(timeout: Duration) throws(NetlinkChannelError) -> [NetlinkDatagram]

    /// Joins a multicast group by its number.
    func join(group: UInt32) throws(NetlinkChannelError)

    /// Nothing is sent or received after this.
    func close()
}

extension NetlinkChannel {
    package func receiveSeveral(timeout: Duration) throws(NetlinkChannelError) -> [NetlinkDatagram] {
        try receive(timeout: timeout).map { [$0] } ?? []
    }
}

package struct NetlinkDatagram: Hashable, Sendable {
    package var bytes: [UInt8]

    /// The port of the sender. The kernel's is 0; any process may send to any other, and is not listened to.
    package var sender: UInt32

    package init(_ bytes: [UInt8], sender: UInt32 = 0) {
        self.bytes = bytes
        self.sender = sender
    }
}

package enum NetlinkChannelError: Error, Hashable, Sendable {
    /// The receive buffer was full and datagrams were dropped (`ENOBUFS`). Those that arrived before can still be received.
    case lost
    /// A datagram was longer than the receive buffer.
    case truncated
    /// The datagram could not be sent within the time.
    case timedOut
    case system(call: String, errno: Int32)

    /// The cause of the failure of an exchange that was allowed so much time.
    func cause(within timeout: Duration) -> NetlinkError.Cause {
        switch self {
        case .lost: .answerLost
        case .truncated: .truncated
        case .timedOut: .timedOut(seconds: timeout / .seconds(1))
        case .system(let call, let errno): .system(call: call, errno: errno)
        }
    }
}
