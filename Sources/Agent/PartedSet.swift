/// A set that grows without a pause.
///
/// A set of the standard library moves all of its elements whenever its room is used up: with tens of thousands of them that takes longer than
/// a slice may. Here they are spread over many small sets, each of which moves its own.
struct PartedSet<Element: Hashable> {
    private var parts: [Set<Element>] = []
    private(set) var count = 0

    private static var partCount: Int { 256 }

    /// Adds an element; false where it was there already.
    mutating func insert(_ element: Element) -> Bool {
        if parts.isEmpty { parts = Array(repeating: [], count: Self.partCount) }
        guard parts[Self.part(of: element)].insert(element).inserted else { return false }
        count += 1
        return true
    }

    func contains(_ element: Element) -> Bool { count > 0 && parts[Self.part(of: element)].contains(element) }

    /// All of them, in no order.
    var elements: some Sequence<Element> { parts.joined() }

    private static func part(of element: Element) -> Int { element.hashValue & (partCount - 1) }
}
