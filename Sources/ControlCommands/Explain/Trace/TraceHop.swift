/// One hop of a packet, and what was seen of it where a real connection was made.
struct TraceHop: ListedItem, Hashable {
    static var kind: String { "TraceListing" }

    enum Fate: String, Encodable {
        case goesOn
        case ends
        /// The state of the kernel does not tell.
        case notKnowable
    }

    var hop: String
    var fate: Fate
    var happens: String
    /// What really happened; nil where nothing was tried, or nothing of this hop can be seen.
    var seen: String?
    /// Whether that is other than was foretold.
    var differs: Bool?

    init(_ hop: String, _ fate: Fate, _ happens: String) { (self.hop, self.fate, self.happens) = (hop, fate, happens) }

    var name: String { hop }

    static var columns: [ListedColumn<TraceHop>] {
        [
            .text("HOP") { $0.hop },
            .text("WHAT HAPPENS") { $0.happens }.toned { $0.fate == .ends ? .bad : $0.fate == .notKnowable ? .doubtful : .plain },
            .text("SEEN", .ifAny) { hop in hop.seen.map { (hop.differs == true ? "differs: " : "") + $0 } ?? "" }.toned {
                $0.differs == true ? .bad : .good
            },
        ]
    }
}
