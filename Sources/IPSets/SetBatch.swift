import CIPSet
import NodeModel

/// Changes in the C layout, with the names and types of the sets that they speak of.
struct SetBatch {
    /// So many changes are laid out at a time, some forty messages of libipset's: more would only touch more memory.
    static let most = 4096

    private var encoded: [cipset_change] = []
    private var keys: [SetKey] = []
    /// The set that takes the changes in place of the one that they name.
    private let place: String?

    init(in place: String? = nil) { self.place = place }

    /// Lays out changes from a position on, up to one that is known to fail or does not fit its set. Returns the position after the last.
    mutating func fill(with changes: [SetChange], from start: Int, without closed: ClosedSets) -> Int {
        encoded.removeAll(keepingCapacity: true)
        var end = start
        while end < changes.count, encoded.count < Self.most, closed.error(concerning: changes[end]) == nil, append(changes[end]) {
            end += 1
        }
        return end
    }

    /// Takes a change; false where its entry does not fit its set.
    private mutating func append(_ change: SetChange) -> Bool {
        let key = change.member.set
        // Changes come sorted by set, of which there are 40 at most.
        let number = keys.lastIndex(of: key) ?? keys.count
        guard let bytes = change.encoded(set: number) else { return false }
        if number == keys.count { keys.append(key) }
        encoded.append(bytes)
        return true
    }

    /// Carries out the changes from a position on; returns how many were done before the first that failed.
    func run(from position: Int, session: OpaquePointer, error: inout cipset_error) -> Int {
        // One block holds all names and types: their addresses stay valid for as long as the block is lent.
        var block: [CChar] = []
        let offsets = keys.map { key in
            (name: Self.append(place ?? key.name, to: &block), type: Self.append(key.type.rawValue, to: &block))
        }
        return unsafe block.withUnsafeBufferPointer { block in
            guard let base = block.baseAddress else { return 0 }
            let sets = unsafe offsets.map { unsafe cipset_set(name: base + $0.name, type: base + $0.type) }
            return unsafe sets.withUnsafeBufferPointer { sets in
                unsafe encoded.withUnsafeBufferPointer { all in
                    let part = unsafe UnsafeBufferPointer(rebasing: all[position...])
                    return unsafe cipset_change(session, sets.baseAddress, sets.count, part.baseAddress, part.count, &error)
                }
            }
        }
    }

    /// Appends a C string, and returns where it begins.
    private static func append(_ text: String, to block: inout [CChar]) -> Int {
        let start = block.count
        block.append(contentsOf: text.utf8CString)
        return start
    }
}
