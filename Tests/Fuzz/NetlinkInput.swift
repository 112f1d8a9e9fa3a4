import NetlinkCodec

@testable import IPVS

/// Any bytes as a datagram from the kernel. Nothing but an error may come of it.
enum NetlinkInput {
    static func tryOne(_ bytes: [UInt8]) {
        try? bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
            switch header.type {
            case NetlinkControl.error: _ = try NetlinkAcknowledgement(error: payload, flags: header.flags)
            case NetlinkControl.done: _ = try NetlinkAcknowledgement(done: payload, flags: header.flags)
            default: decode(payload)
            }
        }
        // Without the header, which a random input seldom gets right.
        decode(bytes.span)
    }

    private static func decode(_ payload: Span<UInt8>) {
        do throws(NetlinkDecodingError) {
            if let observed = try MessageDecoding.virtualServer(payload) { repeatReading(.addVirtualServer(observed.server)) }
        } catch {}
        do throws(NetlinkDecodingError) {
            if let observed = try MessageDecoding.realServer(payload, family: .ipv6) {
                repeatReading(.addRealServer(observed.server, to: .firewallMark(1, .ipv4)))
            }
        } catch {}
        do throws(NetlinkDecodingError) {
            if let daemon = try MessageDecoding.daemon(payload) { repeatReading(daemon) }
        } catch {}
        _ = try? MessageDecoding.timeouts(payload)
        _ = try? MessageDecoding.information(payload)
    }

    /// What was read can be written, and reads the same again.
    private static func repeatReading(_ daemon: SynchronizationDaemon) {
        var encoder = NetlinkEncoder()
        encoder.append(GenericNetlinkHeader(command: Command.newDaemon, version: FamilyNumbers.version))
        encoder.daemon(daemon)
        let bytes = encoder.bytes
        let again = try? MessageDecoding.daemon(bytes.span)
        precondition(again == daemon)
    }

    /// What was read can be written, and reads the same again.
    private static func repeatReading(_ operation: IPVSOperation) {
        let bytes = operation.request(family: 30).payload ?? []
        let span = bytes.span
        switch operation {
        case .addVirtualServer(let server):
            let again = try? MessageDecoding.virtualServer(span)
            precondition(again?.server == server)
        case .addRealServer(let server, _):
            let again = try? MessageDecoding.realServer(span, family: .ipv4)
            precondition(again?.server == server)
        default: break
        }
    }
}
