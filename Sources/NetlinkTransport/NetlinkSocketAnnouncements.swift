package import NetlinkCodec

/// What a datagram said that came to a socket which joined multicast groups.
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

    /// What was announced, of as many datagrams as are there and one call takes; nothing where none came within the time. With no time at all
    /// it does not wait.
    package mutating func announcements(within time: Duration = .zero) throws(NetlinkError) -> [NetlinkAnnouncement] {
        // Mostly something is there, where thousands of addresses are bound thousands of times: only who waits looks at the clock.
        var deadline: ContinuousClock.Instant?
        // Strangers cannot hold us beyond the time: they are passed over so many times, and the next call goes on.
        for _ in 0..<Self.mostStrangers {
            let left = deadline.map { max(ContinuousClock.now.duration(to: $0), .zero) } ?? .zero
            do throws(NetlinkChannelError) {
                let datagrams = try channel.receiveSeveral(timeout: left)
                if datagrams.isEmpty {
                    guard deadline == nil, time > .zero else { return [] }
                    deadline = .now + time
                    continue
                }
                let announcements = datagrams.filter { $0.sender == 0 }.map { NetlinkAnnouncement($0) }
                if !announcements.isEmpty { return announcements }
            } catch {
                switch error {
                case .lost, .truncated: return [.lost]
                case .timedOut, .system: throw NetlinkError("receive announcements", error.cause(within: time))
                }
            }
        }
        return []
    }

    /// How often datagrams of other processes are passed over in one call. (Only root can send any.)
    private static var mostStrangers: Int { 1000 }
}

extension NetlinkAnnouncement {
    /// What a datagram says. What cannot be read is not known, which is the same as not having heard it.
    init(_ datagram: NetlinkDatagram) {
        var messages: [NetlinkReply] = []
        do throws(NetlinkDecodingError) {
            try datagram.bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                messages.append(NetlinkReply(header: header, payload: payload.copied()))
            }
            self = .messages(messages)
        } catch {
            self = .lost
        }
    }
}
