import Addresses
import Glibc
import NetlinkCodec
package import NetlinkTransport

/// Links and their addresses, over one rtnetlink socket.
///
/// Calls block until the kernel has answered, with the socket's limit of time: keep it off the cooperative pool.
package struct LinkSocket: ~Copyable {
    private var socket: NetlinkSocket

    /// - Parameter path: a network namespace to open it in; nil is the caller's own.
    /// - Throws: where the socket or the namespace cannot be opened.
    package init(inNamespaceAt path: String? = nil) throws(LinkError) {
        do throws(NetlinkError) {
            self.init(try NetlinkSocket(.route, inNamespaceAt: path))
        } catch {
            throw .netlink(error)
        }
    }

    package init(_ socket: consuming NetlinkSocket) { self.socket = socket }

    package var statistics: NetlinkSocketStatistics { socket.statistics }

    /// The link of that name; nil where there is none.
    package mutating func link(named name: String) throws(LinkError) -> Link? {
        try Self.check(name)
        do throws(NetlinkError) {
            for reply in try socket.request(LinkMessage.find(name)) where reply.header.type == LinkMessage.new {
                do throws(NetlinkDecodingError) {
                    return try LinkMessage.decode(reply.payload.span)
                } catch {
                    throw NetlinkError("find link \(name)", .malformed(error))
                }
            }
            return nil
        } catch {
            if error.errno == ENODEV { return nil }
            throw .netlink(error)
        }
    }

    package mutating func links() throws(LinkError) -> [Link] {
        var links: [Link] = []
        do throws(NetlinkError) {
            try socket.dump(LinkMessage.list()) { header, payload throws(NetlinkDecodingError) in
                if header.type == LinkMessage.new { links.append(try LinkMessage.decode(payload)) }
            }
        } catch {
            throw .netlink(error)
        }
        return links
    }

    /// Makes a dummy link, silent (NOARP) and not raised. One that is there already is success, and is silenced if it is not silent.
    package mutating func createDummy(_ name: String) throws(LinkError) -> Link {
        if let link = try dummy(name) { return link.noARP ? link : try silence(name) }
        try execute(LinkMessage.createDummy(name), accepting: EEXIST)
        guard let link = try dummy(name) else { throw .noSuchLink(name) }
        return link
    }

    /// Takes ARP off a dummy link, so that it does not answer for its addresses on the links beside it.
    @discardableResult
    package mutating func silence(_ name: String) throws(LinkError) -> Link {
        guard let link = try dummy(name) else { throw .noSuchLink(name) }
        try execute(LinkMessage.silence(link))
        guard let link = try dummy(name) else { throw .noSuchLink(name) }
        return link
    }

    /// Removes a dummy link with its addresses. One that is not there is success; one that was given addresses in another way than ours, with
    /// a prefix route, is left to whoever gave them.
    package mutating func remove(_ name: String) throws(LinkError) {
        guard let link = try dummy(name) else { return }
        if let theirs = try addresses().first(where: { $0.linkIndex == link.index && !$0.isHostAddress && !$0.address.isLinkLocal }) {
            throw .holdsAddress(name: name, "\(theirs.address)/\(theirs.prefixLength)")
        }
        try execute(LinkMessage.remove(link), accepting: ENODEV)
    }

    /// The addresses of all links, in one dump.
    package mutating func addresses() throws(LinkError) -> [LinkAddress] {
        var addresses: [LinkAddress] = []
        do throws(NetlinkError) {
            try socket.dump(AddressMessage.list()) { header, payload throws(NetlinkDecodingError) in
                if header.type == AddressMessage.new, let address = try AddressMessage.decode(payload) { addresses.append(address) }
            }
        } catch {
            throw .netlink(error)
        }
        return addresses
    }

    /// The link of that name with its host addresses, and which other links hold which addresses.
    package mutating func observe(_ name: String) throws(LinkError) -> LinkObservation {
        try Self.check(name)
        var observation = LinkObservation(name, links: try links())
        for address in try addresses() { observation.insert(address) }
        return observation
    }

    /// Binds and unbinds addresses as /32 or /128, many in one message, and returns the changes that failed.
    ///
    /// An address that is bound already, or is already gone, is success. A failure stops nothing else.
    package mutating func change(_ changes: [AddressChange], on link: Link) -> [AddressFailure] {
        guard link.kind == "dummy" else {
            let error = LinkError.otherKind(name: link.name, kind: link.kind)
            return changes.indices.map { AddressFailure(index: $0, error: error) }
        }
        let results = socket.execute(changes.map { AddressMessage.request($0, on: link) })
        return results.indices.compactMap { index in
            guard let error = results[index] else { return nil }
            switch (changes[index], error.errno) {
            case (.add, EEXIST), (.remove, EADDRNOTAVAIL): return nil
            // With its link an address is gone too.
            case (.remove, ENODEV): return nil
            case (.add, ENODEV): return AddressFailure(index: index, error: .noSuchLink(link.name))
            default: return AddressFailure(index: index, error: .netlink(error))
            }
        }
    }

    /// The dummy link of that name, nil where there is none; another kind of link is an error.
    private mutating func dummy(_ name: String) throws(LinkError) -> Link? {
        guard let link = try link(named: name) else { return nil }
        guard link.kind == "dummy" else { throw .otherKind(name: name, kind: link.kind) }
        return link
    }

    private mutating func execute(_ request: NetlinkRequest, accepting number: Int32? = nil) throws(LinkError) {
        do throws(NetlinkError) {
            try socket.execute(request)
        } catch {
            if error.errno != number || number == nil { throw .netlink(error) }
        }
    }

    private static func check(_ name: String) throws(LinkError) {
        guard LinkMessage.isName(name) else { throw .notAName(name) }
    }
}
