import Addresses
import NetlinkCodec
package import NetlinkTransport
package import NodeModel

/// Reads our sets with their entries, over a netlink socket of its own: whole, or piece by piece with other work in between.
///
/// Each is asked for by name, so that somebody else's set of a type that is not known here disturbs nothing. While a set is being read the
/// kernel refuses to destroy it (`ref_netlink` in `net/netfilter/ipset/ip_set_core.c`): let go of the reader before.
package struct SetReader: ~Copyable {
    private var dumper: NetlinkDumper
    private var key: SetKey?
    /// Whether the set is of the kind that belongs to its name. Another's entries are not looked at.
    private var isOurs = false
    /// How many entries of our sets say nothing that we know: those of other protocols, and exceptions (`nomatch`).
    package private(set) var unreadableEntries = 0

    /// How often one set is read anew because a part of it was lost.
    private static let attempts = 4

    /// Whether a set was asked for and has not come to its end.
    package var isReading: Bool { key != nil }

    /// A reader of the network namespace of the calling thread, in pieces of so many bytes: 8 KiB are some 250 entries. The kernel makes none
    /// of more than 32 KiB.
    package init(pieces size: Int = 8 << 10) throws(SetError) {
        do throws(NetlinkError) {
            self.init(try NetlinkSocket(.netfilter, receiving: size))
        } catch {
            throw SetError(error, about: "")
        }
    }

    package init(_ socket: consuming NetlinkSocket) { dumper = NetlinkDumper(socket) }

    /// A part of a set.
    package struct Piece: Equatable, Sendable {
        /// How the set is made, in its first piece.
        package var header: ObservedSet?
        /// How many entries the kernel counts in it, in the first piece.
        package var size = 0
        package var entries: [SetEntry] = []
        package var progress = NetlinkDumper.Progress.unfinished
    }

    /// Asks for a set.
    package mutating func begin(_ key: SetKey) throws(SetError) {
        (self.key, isOurs) = (key, false)
        do throws(NetlinkError) { try dumper.begin(SetMessage.list(key.name)) } catch { throw SetError(error, about: key.name) }
    }

    /// The next piece of the set that was asked for. One that is not there ends without a header.
    package mutating func next() throws(SetError) -> Piece {
        guard let key else { return Piece(progress: .finished) }
        var piece = Piece()
        var (isOurs, unreadable) = (isOurs, 0)
        do throws(NetlinkError) {
            piece.progress = try dumper.next { header, payload throws(NetlinkDecodingError) in
                guard header.type == SetMessage.list else { return }
                if let found = try SetMessage.header(payload) {
                    piece.header = found
                    piece.size = try SetMessage.size(payload)
                    isOurs = found.serves(as: key)
                }
                guard isOurs else { return }
                try SetMessage.forEachEntry(payload, of: key) { entry in
                    if let entry { piece.entries.append(entry) } else { unreadable += 1 }
                }
            }
        } catch {
            let refusal = SetError(error, about: key.name)
            guard refusal.reason == .noSuchSet else { throw refusal }
            piece.progress = .finished
        }
        self.isOurs = isOurs
        unreadableEntries += unreadable
        if piece.progress == .finished { self.key = nil }
        return piece
    }

    /// The sets of these keys that are there, or of all keys, with their entries.
    package mutating func list(_ keys: [SetKey] = SetKey.all) throws(SetError) -> [SetKey: ObservedSet] {
        var sets: [SetKey: ObservedSet] = [:]
        for key in keys { sets[key] = try read(key) }
        return sets
    }

    private mutating func read(_ key: SetKey) throws(SetError) -> ObservedSet? {
        for _ in 0..<Self.attempts {
            try begin(key)
            var set: ObservedSet?
            var progress = NetlinkDumper.Progress.unfinished
            while progress == .unfinished {
                let piece = try next()
                if let header = piece.header {
                    set = header
                    // A table that grows as it is filled is moved again and again, each time into new memory.
                    set?.entries.reserveCapacity(min(piece.size, Int(header.maximumEntries)))
                }
                set?.entries.formUnion(piece.entries)
                progress = piece.progress
            }
            if progress == .finished { return set }
        }
        throw SetError(NetlinkError("list set \(key)", .interrupted(attempts: Self.attempts)), about: key.name)
    }
}

extension SetKey {
    /// All 40.
    package static let all = ServiceSet.allCases.flatMap { set in [SetKey(set, .ipv4), SetKey(set, .ipv6)] }
}

extension SetError {
    /// An error of reading.
    init(_ error: NetlinkError, about name: String) {
        let code = error.errno ?? 0
        self.init(
            .list, name, reason: Reason(code: code, action: .list, message: ""), code: code,
            message: error.kernelMessage ?? "\(error.cause)")
    }
}

extension ObservedSet {
    /// How the set is made, for a person: `hash:ip family inet maxelem 65536`.
    package var layout: String {
        maximumEntries == 0
            ? typeName
            : "\(typeName) family \(family == .ipv4 ? "inet" : "inet6") maxelem \(maximumEntries)\(keepsMarks ? " skbinfo" : "")"
    }
}
