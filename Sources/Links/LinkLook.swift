package import Addresses
import NetlinkCodec
package import NetlinkTransport

/// A look at the dummy link and at who holds which address, piece by piece, on a socket of its own.
package struct LinkLook: ~Copyable {
    private let name: String
    private var dumper: NetlinkDumper
    private var links: [Link] = []
    private var seen: LinkObservation?

    /// Begins to look in a network namespace; nil is the caller's own.
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
        var found: [IPAddress] = []
        let progress = try dumper.next { header, payload throws(NetlinkDecodingError) in
            guard header.type == AddressMessage.new, let address = try AddressMessage.decode(payload) else { return }
            if let address = observation.hostAddress(address) { found.append(address) }
        }
        let piece: Piece =
            switch progress {
            case .unfinished: .hostAddresses(found)
            case .interrupted: .interrupted
            // The last message of a dump says only that it was the last: addresses came before.
            case .finished where found.isEmpty: .others(observation.others)
            case .finished: .hostAddresses(found)
            }
        seen = observation
        return piece
    }
}

extension LinkLook {
    /// What a whole look comes by: the link, its host addresses, and who else holds which address. A piece at a time, so that not all that the
    /// kernel says of ten thousand addresses is in memory at once.
    package static func whole(
        _ name: String, expecting count: Int = 0
    ) throws(LinkError) -> (link: Link?, hostAddresses: Set<IPAddress>, others: AddressHolders) {
        try whole(expecting: count) { () throws(LinkError) in try LinkLook(name) }
    }

    /// The same, of looks that are begun in any way.
    static func whole(
        expecting count: Int = 0, _ begin: () throws(LinkError) -> LinkLook
    ) throws(LinkError) -> (link: Link?, hostAddresses: Set<IPAddress>, others: AddressHolders) {
        for _ in 0..<attempts {
            var look = try begin()
            var link: Link?
            var addresses = Set<IPAddress>(minimumCapacity: count)
            reading: while true {
                switch try look.next() {
                case .someLinks: break
                case .link(let found): link = found
                case .hostAddresses(let found): addresses.formUnion(found)
                case .others(let others): return (link, addresses, others)
                case .interrupted: break reading
                }
            }
        }
        throw .netlink(NetlinkError("list links and addresses", .interrupted(attempts: attempts)))
    }

    /// How often a look is begun anew because links or addresses changed meanwhile.
    private static var attempts: Int { 8 }
}
