/// Something that a look at the node found: what it means for traffic, and what to do.
struct Finding: Encodable, Hashable {
    enum Gravity: String, Encodable, Comparable {
        /// Traffic is lost or goes wrong.
        case wrong
        /// It may be, or is slow.
        case doubtful
        case good
        /// Could not be seen.
        case unknown

        private var rank: Int {
            switch self {
            case .wrong: 0
            case .doubtful: 1
            case .unknown: 2
            case .good: 3
            }
        }

        static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
    }

    var gravity: Gravity
    /// What was looked at: `address`, `sysctl net.ipv4.vs.conntrack`.
    var about: String
    /// A sentence without its full stop.
    var message: String
    var remedy: String?

    init(_ gravity: Gravity, _ about: String, _ message: String, remedy: String? = nil) {
        self.gravity = gravity
        self.about = about
        self.message = message
        self.remedy = remedy
    }
}

extension Finding: ListedItem {
    static var kind: String { "FindingListing" }

    var name: String { about }

    static var columns: [ListedColumn<Finding>] {
        [
            .text("FOUND") { $0.gravity.rawValue }.toned {
                switch $0.gravity {
                case .wrong: .bad
                case .doubtful: .doubtful
                case .unknown: .faint
                case .good: .good
                }
            },
            .text("ABOUT") { $0.about },
            .text("MEANING") { $0.message },
            .text("REMEDY", .ifAny) { $0.remedy ?? "" },
        ]
    }
}

extension [Finding] {
    /// What is wrong first; of equals, in the order in which they were found.
    var worstFirst: [Finding] {
        enumerated().sorted { ($0.element.gravity, $0.offset) < ($1.element.gravity, $1.offset) }.map(\.element)
    }
}
