import NetlinkCodec
import NodeModel

@testable import IPSetReading

/// Any bytes as a message about a set. Nothing but an error may come of it, and no entry that is not of the set's type.
enum SetInput {
    static func tryOne(_ bytes: [UInt8]) {
        if let header = try? SetMessage.header(bytes.span) { precondition(!header.typeName.isEmpty, "a set without a type") }
        for type in [SetType.hashAddress, .hashAddressPort, .hashAddressPortAddress, .hashAddressPortNet, .bitmapPort] {
            do throws(NetlinkDecodingError) {
                try SetMessage.forEachEntry(bytes.span, of: type) { entry in
                    precondition(entry.map { $0.type == type } ?? true, "an entry of another type")
                }
            } catch {}
        }
    }
}
