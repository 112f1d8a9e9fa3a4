import NetlinkCodec
package import NetlinkTransport

/// A way to the IPVS table of one network namespace.
///
/// Every call talks to the kernel and returns when it has answered; no wait is longer than five seconds. One call at a time:
/// who needs more makes several handles. Needs CAP_NET_ADMIN in the initial user namespace, also for reading.
///
///     var ipvs = try IPVSHandle()
///     let web = VirtualServer.Key.address(IPAddress("10.96.0.10")!, port: 80, .tcp)
///     let failures = ipvs.execute([
///         .addVirtualServer(VirtualServer(web, .init(scheduler: .weightedRoundRobin))),
///         .addRealServer(RealServer(.init(IPAddress("10.244.0.2")!, port: 8080), .init(weight: 10)), to: web),
///     ])
public struct IPVSHandle: ~Copyable {
    var socket: NetlinkSocket
    let family: UInt16
    let namespacePath: String?

    /// Opens a way to the IPVS of a network namespace. Where the kernel may load modules it loads IPVS.
    ///
    /// - Parameter namespacePath: the namespace as a file, `/run/netns/blue` or `/proc/1234/ns/net`; nil is the caller's.
    /// - Throws: `unavailable` where the kernel has no IPVS; `system` where the namespace cannot be entered.
    public init(namespacePath: String? = nil) throws(IPVSError) {
        do throws(NetlinkError) {
            try self.init(NetlinkSocket(.generic, inNamespaceAt: namespacePath), namespacePath: namespacePath)
        } catch {
            throw IPVSError(error)
        }
    }

    /// A handle over any socket.
    package init(_ socket: consuming NetlinkSocket, namespacePath: String? = nil) throws(NetlinkError) {
        self.socket = socket
        self.namespacePath = namespacePath
        family = try self.socket.genericFamily(named: FamilyNumbers.name).number
    }

    /// What this handle has sent so far.
    package var statistics: NetlinkSocketStatistics { socket.statistics }

    // MARK: Changing

    /// Runs operations in order, many per message to the kernel, and returns those that failed.
    ///
    /// A failure stops nothing: operations after it are run all the same, and fail for themselves where they needed it.
    public mutating func execute(_ operations: [IPVSOperation]) -> [IPVSFailure] {
        let failures = socket.execute(
            operations.count, named: { operations[$0].name }, writing: { operations[$0].write(to: &$1, family: family) })
        return failures.map { failure in
            let operation = operations[failure.index]
            return IPVSFailure(index: failure.index, operation: operation, error: IPVSError(operation, failure.error))
        }
    }

    /// Runs one operation.
    public mutating func execute(_ operation: IPVSOperation) throws(IPVSError) {
        if let failure = execute([operation]).first { throw failure.error }
    }

    // MARK: Reading

    /// The message of a command that reads.
    func reading(_ operation: String, _ command: UInt8, of key: VirtualServer.Key? = nil) -> NetlinkRequest {
        NetlinkRequest(operation, family: family, header: GenericNetlinkHeader(command: command, version: FamilyNumbers.version)) {
            if let key { $0.service(key) }
        }
    }

    /// Runs a command with one reply.
    mutating func ask<Value>(
        _ operation: String, _ command: UInt8, of key: VirtualServer.Key? = nil,
        _ decode: (Span<UInt8>) throws(NetlinkDecodingError) -> Value?
    ) throws(IPVSError) -> Value? {
        do throws(NetlinkError) {
            let replies = try socket.request(reading(operation, command, of: key))
            for reply in replies {
                do throws(NetlinkDecodingError) {
                    if let value = try decode(reply.payload.span) { return value }
                } catch {
                    throw NetlinkError(operation, .malformed(error))
                }
            }
            return nil
        } catch {
            throw IPVSError(error, about: key)
        }
    }
}
