package import NetlinkCodec

/// What was heard on a socket that joined multicast groups.
package enum NetlinkAnnouncement: Hashable, Sendable {
    case messages([NetlinkReply])

    /// The receive buffer was full and announcements were dropped: look at everything again.
    case lost
}

extension NetlinkSocket {
    /// Joins a multicast group by its number (`RTNLGRP_…`, or what the controller says of a generic family).
    ///
    /// A socket that listens is best used for nothing else: announcements would fill the buffer that answers need.
    package mutating func join(group: UInt32) throws(NetlinkError) {
        do throws(NetlinkChannelError) {
            try channel.join(group: group)
        } catch {
            throw NetlinkError("join the multicast group \(group)", error.cause(within: timeout))
        }
    }

    /// The announcements of the next datagram; nil where none came within the time. With no time at all it does not wait.
    package mutating func announcement(within time: Duration = .zero) throws(NetlinkError) -> NetlinkAnnouncement? {
        // Mostly something is there, where thousands of addresses are bound thousands of times: only who waits looks at the clock.
        var deadline: ContinuousClock.Instant?
        // Strangers cannot hold us beyond the time: so many datagrams are looked at, and the next call goes on.
        for _ in 0..<Self.mostStrangers {
            let left = deadline.map { max(ContinuousClock.now.duration(to: $0), .zero) } ?? .zero
            do throws(NetlinkChannelError) {
                guard let datagram = try channel.receive(timeout: left) else {
                    guard deadline == nil, time > .zero else { return nil }
                    deadline = .now + time
                    continue
                }
                guard datagram.sender == 0 else { continue }
                var messages: [NetlinkReply] = []
                do throws(NetlinkDecodingError) {
                    try datagram.bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                        messages.append(NetlinkReply(header: header, payload: payload.copied()))
                    }
                } catch {
                    // What it said is not known, which is the same as not having heard it.
                    return .lost
                }
                return .messages(messages)
            } catch {
                switch error {
                case .lost, .truncated: return .lost
                case .timedOut, .system: throw NetlinkError("receive announcements", error.cause(within: time))
                }
            }
        }
        return nil
    }

    /// Datagrams of other processes that one call passes over. (Only root can send any.)
    private static var mostStrangers: Int { 1000 }
}
