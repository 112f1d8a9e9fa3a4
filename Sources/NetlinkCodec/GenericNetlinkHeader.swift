/// What a generic netlink message begins with after its netlink header: `struct genlmsghdr` in `linux/genetlink.h`.
package struct GenericNetlinkHeader: Hashable, Sendable {
    package static let byteCount = 4

    package var command: UInt8
    package var version: UInt8

    package init(command: UInt8, version: UInt8) {
        self.command = command
        self.version = version
    }

    package init(reading payload: Span<UInt8>) throws(NetlinkDecodingError) {
        let word: UInt32 = try payload.networkNumber()
        command = UInt8(truncatingIfNeeded: word >> 24)
        version = UInt8(truncatingIfNeeded: word >> 16)
    }
}

/// The controller, a generic netlink family of fixed number that tells the numbers of the others.
package enum GenericNetlinkController {
    package static let family: UInt16 = 16
    package static let version: UInt8 = 2

    package enum Command {
        package static let newFamily: UInt8 = 1
        package static let getFamily: UInt8 = 3
    }

    package enum Attribute {
        package static let familyNumber: UInt16 = 1
        package static let familyName: UInt16 = 2
        package static let multicastGroups: UInt16 = 7
    }

    package enum GroupAttribute {
        package static let name: UInt16 = 1
        package static let number: UInt16 = 2
    }
}
