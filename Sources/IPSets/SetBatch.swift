import CIPSet
import NodeModel

/// Changes in the C layout, with the names and types of the sets that they speak of.
struct SetBatch {
    private(set) var changes: [SetChange] = []
    /// For each change its place in the list that the caller gave.
    private(set) var indices: [Int] = []
    private var encoded: [cipset_change] = []
    private var numbers: [SetKey: Int] = [:]
    private var keys: [SetKey] = []
    /// The set that takes the changes in place of the one that they name.
    private let place: String?

    init(in place: String? = nil) { self.place = place }

    var count: Int { changes.count }

    /// Takes a change; false where its entry does not fit its set.
    mutating func append(_ change: SetChange, at index: Int) -> Bool {
        let key = change.member.set
        let number = numbers[key] ?? keys.count
        guard let bytes = change.encoded(set: number) else { return false }
        if number == keys.count {
            numbers[key] = number
            keys.append(key)
        }
        changes.append(change)
        indices.append(index)
        encoded.append(bytes)
        return true
    }

    /// The first change from a position on that is known to fail, or the end.
    func end(from position: Int, closed: [SetKey: SetError]) -> Int {
        changes[position...].firstIndex { closed[$0.member.set]?.concerns($0) ?? false } ?? count
    }

    /// Notes a failure, unless it is that there is no set to remove from: what was asked for is so.
    func report(_ error: SetError, at position: Int, in failures: inout [SetFailure]) {
        if changes[position].isRemoval, error.reason == .noSuchSet { return }
        failures.append(SetFailure(index: indices[position], error: error))
    }

    /// Carries out some of the changes; returns how many were done before the first that failed.
    func run(_ range: Range<Int>, session: OpaquePointer, error: inout cipset_error) -> Int {
        let names = keys.map { (place ?? $0.name).utf8CString }
        let types = keys.map { $0.type.rawValue.utf8CString }
        return unsafe Self.withPointers(names) { names in
            unsafe Self.withPointers(types) { types in
                unsafe encoded.withUnsafeBufferPointer { all in
                    let part = unsafe UnsafeBufferPointer(rebasing: all[range])
                    return unsafe cipset_change(session, names, types, part.baseAddress, part.count, &error)
                }
            }
        }
    }

    /// Lends C strings as the array of pointers that a C function takes.
    private static func withPointers<Result>(
        _ strings: [ContiguousArray<CChar>], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        // One block holds all the strings: their addresses stay valid for as long as the block is lent.
        var offsets: [Int] = []
        var block: [CChar] = []
        for string in strings {
            offsets.append(block.count)
            block.append(contentsOf: string)
        }
        return unsafe block.withUnsafeBufferPointer { block in
            let pointers = unsafe offsets.map { offset in unsafe block.baseAddress.map { unsafe $0 + offset } }
            return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
        }
    }
}
