/// Nanoseconds on the caller's clock.
typealias Moment = Int64

/// Who is due first: an indexed binary heap. Each slot stands in it once at most.
///
/// Setting, moving and removing cost a logarithm; nothing is allocated once it has grown to its size.
struct TimerHeap: Sendable {
    private struct Entry {
        var due: Moment
        var slot: Int32
    }

    private var heap: [Entry] = []
    /// Where each slot stands in the heap; -1 where it does not.
    private var places: [Int32] = []

    var count: Int { heap.count }

    /// The earliest.
    var first: (due: Moment, slot: Int)? { heap.first.map { ($0.due, Int($0.slot)) } }

    /// When a slot is due; nil where it is not.
    subscript(slot: Int) -> Moment? {
        guard slot < places.count, places[slot] >= 0 else { return nil }
        return heap[Int(places[slot])].due
    }

    /// Puts a slot in, or moves it.
    mutating func set(_ slot: Int, due: Moment) {
        while slot >= places.count { places.append(-1) }
        if places[slot] >= 0 {
            let place = Int(places[slot])
            let before = heap[place].due
            heap[place].due = due
            if due < before { rise(place) } else { sink(place) }
        } else {
            places[slot] = Int32(heap.count)
            heap.append(Entry(due: due, slot: Int32(slot)))
            rise(heap.count - 1)
        }
    }

    mutating func remove(_ slot: Int) {
        guard slot < places.count, places[slot] >= 0 else { return }
        let place = Int(places[slot])
        places[slot] = -1
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        places[Int(last.slot)] = Int32(place)
        rise(place)
        sink(Int(places[Int(last.slot)]))
    }

    /// Takes out the first that is due.
    mutating func popDue(at now: Moment) -> (due: Moment, slot: Int)? {
        guard let first, first.due <= now else { return nil }
        remove(first.slot)
        return first
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].due < heap[parent].due else { return }
            swap(place, parent)
            place = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            let left = 2 * place + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right].due < heap[left].due ? right : left
            guard heap[child].due < heap[place].due else { return }
            swap(place, child)
            place = child
        }
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        heap.swapAt(one, other)
        places[Int(heap[one].slot)] = Int32(one)
        places[Int(heap[other].slot)] = Int32(other)
    }
}
