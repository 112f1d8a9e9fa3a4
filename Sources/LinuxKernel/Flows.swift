import Addresses
import Conntrack
import NetlinkTransport
package import NodeKernel
package import NodeModel

/// A look at the flows without connections, in slices.
struct FlowLook: ~Copyable {
    /// What is still to be read, the next last.
    var rest: [(AddressFamily, TransportProtocol)]
    var reader: FlowReader?
}

extension LinuxKernel {
    private static var flowSliceTime: Duration { .milliseconds(4) }

    package func beginFlows() async {
        let families = Self.families.sorted(by: >)
        flows = FlowLook(rest: [.sctp, .udp].flatMap { transport in families.map { ($0, transport) } }, reader: nil)
    }

    package func nextFlows() async throws(KernelFailure) -> [TrackedFlow]? {
        guard var look = flows.take() else { return nil }
        var found: [TrackedFlow] = []
        let end = ContinuousClock.now + Self.flowSliceTime
        do throws(NetlinkError) {
            repeat {
                if look.reader == nil {
                    guard let (family, transport) = look.rest.popLast() else { return found.isEmpty ? nil : found }
                    look.reader = try FlowReader(family, transport)
                }
                guard let piece = try look.reader?.next() else { break }
                found += piece.flows
                if piece.isOver { look.reader = nil }
            } while ContinuousClock.now < end
        } catch {
            throw KernelFailure(error)
        }
        flows = consume look
        return found
    }

    package func end(_ flows: [TrackedFlow]) async -> [KernelFailure] {
        do throws(NetlinkError) {
            var socket = try NetlinkSocket(.netfilter)
            return FlowEnding.end(flows, over: &socket).map { KernelFailure($0.error) }
        } catch {
            return [KernelFailure(error)]
        }
    }
}
