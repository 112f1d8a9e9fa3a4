import NetlinkCodec

/// A generic netlink family as the kernel's controller describes it.
package struct GenericNetlinkFamily: Hashable, Sendable {
    package var name: String

    /// The message type of its messages, chosen when the family was registered.
    package var number: UInt16

    /// Its multicast groups, by name.
    package var multicastGroups: [String: UInt32]
}

extension NetlinkSocket {
    /// Asks the controller for a generic netlink family by name.
    ///
    /// Where the kernel may load modules it loads the family's first. A family that it does not have is
    /// `NetlinkError.Cause.familyMissing`.
    package mutating func genericFamily(named name: String) throws(NetlinkError) -> GenericNetlinkFamily {
        let request = NetlinkRequest(
            "look up the generic netlink family \(name)", family: GenericNetlinkController.family,
            header: GenericNetlinkHeader(
                command: GenericNetlinkController.Command.getFamily, version: GenericNetlinkController.version)
        ) { $0.attribute(GenericNetlinkController.Attribute.familyName, name) }
        let replies: [NetlinkReply]
        do throws(NetlinkError) {
            replies = try self.request(request)
        } catch {
            // ENOENT, from `ctrl_getfamily` in net/netlink/genetlink.c.
            if case .refused(let answer) = error.cause, answer.errno == 2 {
                throw NetlinkError(request.operation, .familyMissing(name), sequence: error.sequence)
            }
            throw error
        }
        var family = GenericNetlinkFamily(name: name, number: 0, multicastGroups: [:])
        do throws(NetlinkDecodingError) {
            for reply in replies { try family.read(reply.payload.span) }
            guard family.number >= NetlinkControl.firstFamilyType else {
                throw NetlinkDecodingError(at: 0, "the family has no number")
            }
        } catch {
            throw NetlinkError(request.operation, .malformed(error))
        }
        return family
    }
}

extension GenericNetlinkFamily {
    fileprivate mutating func read(_ payload: Span<UInt8>) throws(NetlinkDecodingError) {
        var found = self
        try payload.forEachAttribute(after: GenericNetlinkHeader.byteCount) { type, value throws(NetlinkDecodingError) in
            switch type {
            case GenericNetlinkController.Attribute.familyNumber: found.number = try value.hostNumber()
            case GenericNetlinkController.Attribute.multicastGroups:
                // A list: one nest per group, numbered from 1.
                try value.forEachAttribute { _, group throws(NetlinkDecodingError) in
                    var name = ""
                    var number: UInt32 = 0
                    try group.forEachAttribute { type, value throws(NetlinkDecodingError) in
                        switch type {
                        case GenericNetlinkController.GroupAttribute.name: name = value.text()
                        case GenericNetlinkController.GroupAttribute.number: number = try value.hostNumber()
                        default: break
                        }
                    }
                    found.multicastGroups[name] = number
                }
            default: break
            }
        }
        self = found
    }
}
