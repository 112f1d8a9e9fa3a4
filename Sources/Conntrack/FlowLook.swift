package import Addresses
import NetlinkCodec
package import NetlinkTransport
package import NodeModel

/// One flow, asked for by what its client sent where. No other is read, however many there are.
package struct FlowLook: Hashable, Sendable {
    package var flow: TrackedFlow
    /// Where answers are sent: to the client, or to what its address was translated into.
    package var answersTo: TrackedFlow.Socket

    package init(_ flow: TrackedFlow, answersTo: TrackedFlow.Socket) {
        self.flow = flow
        self.answersTo = answersTo
    }

    /// What the kernel says where it remembers no such flow (`ENOENT`).
    private static let none: Int32 = 2

    /// The flow, in the network namespace of the calling thread; nil where there is none.
    package static func find(
        _ transport: TransportProtocol, from client: TrackedFlow.Socket, to destination: TrackedFlow.Socket
    ) throws(NetlinkError) -> FlowLook? {
        var socket = try NetlinkSocket(.netfilter)
        let request = FlowMessage.look(transport, client, destination)
        let replies: [NetlinkReply]
        do throws(NetlinkError) {
            replies = try socket.request(request)
        } catch {
            guard error.errno == none else { throw error }
            return nil
        }
        for reply in replies where reply.header.type == FlowMessage.new {
            do throws(NetlinkDecodingError) {
                if let (flow, receiver) = try FlowMessage.decodeWhole(reply.payload.span) { return FlowLook(flow, answersTo: receiver) }
            } catch {
                throw NetlinkError(request.operation, .malformed(error), sequence: reply.header.sequence)
            }
        }
        return nil
    }
}
