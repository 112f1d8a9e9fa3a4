import Addresses
import NetlinkCodec
import NodeModel

@testable import IPSetReading

/// Any bytes as a message about a set. Nothing but an error may come of it, and no entry that is not of the set's type.
enum SetInput {
    static func tryOne(_ bytes: [UInt8]) {
        if let header = try? SetMessage.header(bytes.span) { precondition(!header.typeName.isEmpty, "a set without a type") }
        for set in [ServiceSet.boundAddresses, .clusterIP, .insideMark, .loopBack, .loadBalancerSourceCIDR, .nodePortTCP] {
            let key = SetKey(set, .ipv4)
            do throws(NetlinkDecodingError) {
                try SetMessage.forEachEntry(bytes.span, of: key) { entry in
                    precondition(entry.map { $0.fits(key) } ?? true, "an entry of another type")
                }
            } catch {}
        }
    }
}
