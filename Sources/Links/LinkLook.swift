package import Addresses
import NetlinkCodec
package import NetlinkTransport

/// A look at the dummy link and at who holds which address, piece by piece, on a socket of its own.
package struct LinkLook: ~Copyable {
    private let name: String
    private var dumper: NetlinkDumper
    private var links: [Link] = []
    private var seen: LinkObservation?

    /// - Parameter path: a network namespace to look at; nil is the caller's own.
    package init(_ name: String, inNamespaceAt path: String? = nil) throws(LinkError) {
        do throws(NetlinkError) {
            try self.init(name, NetlinkSocket(.route, inNamespaceAt: path))
        } catch {
            throw .netlink(error)
        }
    }

    package init(_ name: String, _ socket: consuming NetlinkSocket) throws(NetlinkError) {
        self.name = name
        dumper = NetlinkDumper(socket)
        try dumper.begin(LinkMessage.list())
    }

    /// What was come by.
    package enum Piece: Equatable, Sendable {
        /// Some of the links, of which nothing can be said yet.
        case someLinks
        /// The link of the name; nil where there is none.
        case link(Link?)
        /// Host addresses of the dummy link.
        case hostAddresses([IPAddress])
        /// The end: who else holds which address.
        case others(AddressHolders)
        /// Links or addresses changed meanwhile: look anew.
        case interrupted
    }

    package mutating func next() throws(LinkError) -> Piece {
        do throws(NetlinkError) {
            return seen == nil ? try nextLinks() : try nextAddresses()
        } catch {
            throw .netlink(error)
        }
    }

    private mutating func nextLinks() throws(NetlinkError) -> Piece {
        var found: [Link] = []
        let progress = try dumper.next { header, payload throws(NetlinkDecodingError) in
            if header.type == LinkMessage.new { found.append(try LinkMessage.decode(payload)) }
        }
        links += found
        switch progress {
        case .unfinished: return .someLinks
        case .interrupted: return .interrupted
        case .finished:
            let observation = LinkObservation(name, links: links)
            links = []
            seen = observation
            try dumper.begin(AddressMessage.list())
            return .link(observation.link)
        }
    }

    private mutating func nextAddresses() throws(NetlinkError) -> Piece {
        var observation = seen.take() ?? LinkObservation(name, links: [])
        let progress = try dumper.next { header, payload throws(NetlinkDecodingError) in
            if header.type == AddressMessage.new, let address = try AddressMessage.decode(payload) { observation.insert(address) }
        }
        let piece: Piece =
            switch progress {
            case .unfinished: .hostAddresses(observation.takeHostAddresses())
            case .interrupted: .interrupted
            // The last message of a dump says only that it was the last: addresses came before.
            case .finished where observation.hostAddresses.isEmpty: .others(observation.others)
            case .finished: .hostAddresses(observation.takeHostAddresses())
            }
        seen = observation
        return piece
    }
}
