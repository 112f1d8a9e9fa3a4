import NetlinkCodec
package import NetlinkTransport

/// Something that changed on the node's links, as the kernel announced it.
package enum LinkEvent: Hashable, Sendable {
    /// Made, or changed in any way.
    case linkChanged(Link)
    case linkRemoved(Link)
    case addressAdded(LinkAddress)
    case addressRemoved(LinkAddress)
    /// Announcements were dropped, since more came than could be held: look at everything again.
    case lost
}

/// A socket that hears of changes to links and addresses.
package struct LinkListener: ~Copyable {
    private var socket: NetlinkSocket

    /// - Parameter path: a network namespace to listen in; nil is the caller's own.
    /// - Throws: where the socket or the namespace cannot be opened, or a group cannot be joined.
    package init(inNamespaceAt path: String? = nil) throws(LinkError) {
        do throws(NetlinkError) {
            try self.init(NetlinkSocket(.route, inNamespaceAt: path))
        } catch {
            throw .netlink(error)
        }
    }

    package init(_ socket: consuming NetlinkSocket) throws(NetlinkError) {
        self.socket = socket
        for group in Self.groups { try self.socket.join(group: group) }
    }

    /// The number to wait on until there is something to hear.
    package var fileDescriptor: Int32 { socket.fileDescriptor }

    /// What was announced next, waiting at most so long; nothing where nothing came.
    package mutating func next(within time: Duration = .zero) throws(LinkError) -> [LinkEvent] {
        do throws(NetlinkError) {
            return try socket.announcements(within: time).flatMap { heard -> [LinkEvent] in
                switch heard {
                case .lost: return [.lost]
                case .messages(let messages): return messages.compactMap { LinkEvent($0) }
                }
            }
        } catch {
            throw .netlink(error)
        }
    }

    /// `RTNLGRP_LINK`, `RTNLGRP_IPV4_IFADDR` and `RTNLGRP_IPV6_IFADDR` of `linux/rtnetlink.h`.
    private static let groups: [UInt32] = [1, 5, 9]
}

extension LinkEvent {
    /// What a message announces; nil where it is nothing about links and addresses.
    init?(_ message: NetlinkReply) {
        do throws(NetlinkDecodingError) {
            switch message.header.type {
            // That a link came to a bridge or left it says nothing of whether it is there.
            case LinkMessage.new where try LinkMessage.isOfBridge(message.payload.span),
                LinkMessage.delete where try LinkMessage.isOfBridge(message.payload.span):
                return nil
            case LinkMessage.new: self = .linkChanged(try LinkMessage.decode(message.payload.span))
            case LinkMessage.delete: self = .linkRemoved(try LinkMessage.decode(message.payload.span))
            case AddressMessage.new:
                guard let address = try AddressMessage.decode(message.payload.span) else { return nil }
                self = .addressAdded(address)
            case AddressMessage.delete:
                guard let address = try AddressMessage.decode(message.payload.span) else { return nil }
                self = .addressRemoved(address)
            default: return nil
            }
        } catch {
            // What it said is not known, which is the same as not having heard it.
            self = .lost
        }
    }
}
