package import Addresses
import NetlinkCodec
package import NetlinkTransport
package import NodeModel

/// Reads the flows of one protocol and family that connection tracking remembers, piece by piece with other work in between.
package struct FlowReader: ~Copyable {
    private var dumper: NetlinkDumper
    private let family: AddressFamily
    private let transport: TransportProtocol
    /// Whether the kernel was asked to show this protocol only.
    private var isFiltered: Bool

    /// What a kernel that cannot choose by protocol says (`EINVAL`, `EOPNOTSUPP`).
    private static let refusals: Set<Int32> = [22, 95]

    /// A reader of the network namespace of the calling thread, which begins at once.
    package init(_ family: AddressFamily, _ transport: TransportProtocol) throws(NetlinkError) {
        try self.init(try NetlinkSocket(.netfilter), family, transport)
    }

    package init(_ socket: consuming NetlinkSocket, _ family: AddressFamily, _ transport: TransportProtocol) throws(NetlinkError) {
        (self.family, self.transport, isFiltered) = (family, transport, true)
        dumper = NetlinkDumper(socket)
        try dumper.begin(FlowMessage.list(family, transport, isFiltered: true))
    }

    /// The next flows, and whether there are more. A dump that was interrupted has shown what it has shown: what it passed by is seen the next
    /// time.
    package mutating func next() throws(NetlinkError) -> (flows: [TrackedFlow], isOver: Bool) {
        var flows: [TrackedFlow] = []
        let transport = transport
        do throws(NetlinkError) {
            let progress = try dumper.next { header, payload throws(NetlinkDecodingError) in
                guard header.type == FlowMessage.new, let flow = try FlowMessage.decode(payload), flow.transport == transport else {
                    return
                }
                flows.append(flow)
            }
            return (flows, progress != .unfinished)
        } catch {
            guard isFiltered, let number = error.errno, Self.refusals.contains(number) else { throw error }
            isFiltered = false
            // Before 5.8 all are shown; by then nothing has been.
            dumper = NetlinkDumper(try NetlinkSocket(.netfilter))
            try dumper.begin(FlowMessage.list(family, transport, isFiltered: false))
            return ([], false)
        }
    }
}

/// Ends flows.
package enum FlowEnding {
    /// What the kernel says of a flow that is gone already (`ENOENT`).
    private static let gone: Int32 = 2

    /// Ends these, many in one message, and returns those that could not be ended. One that is gone is success.
    package static func end(_ flows: [TrackedFlow], over socket: inout NetlinkSocket) -> [(flow: TrackedFlow, error: NetlinkError)] {
        let failures = socket.execute(
            flows.count, named: { FlowMessage.remove(flows[$0]).operation },
            writing: { FlowMessage.remove(flows[$0]).write(to: &$1) })
        return failures.compactMap { $0.error.errno == gone ? nil : (flows[$0.index], $0.error) }
    }
}
