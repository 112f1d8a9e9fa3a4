package import FoundationEssentials

/// A point of time as documents show it: UTC to the millisecond, `2026-03-01T09:30:00.250Z`.
package struct Moment: Hashable, Sendable, Comparable {
    package var millisecondsSince1970: Int64

    package init(millisecondsSince1970: Int64) { self.millisecondsSince1970 = millisecondsSince1970 }

    package init(_ date: Date) { millisecondsSince1970 = Int64((date.timeIntervalSince1970 * 1000).rounded()) }

    package static var now: Moment { Moment(Date()) }

    package static func < (left: Self, right: Self) -> Bool { left.millisecondsSince1970 < right.millisecondsSince1970 }

    /// The moment so much later.
    package func advanced(by duration: Duration) -> Moment {
        let (seconds, attoseconds) = duration.components
        return Moment(millisecondsSince1970: millisecondsSince1970 + seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}

extension Moment: CustomStringConvertible {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    package var description: String {
        // The style cuts off what is below a millisecond, and a Double is a little below half of them: the middle of one is safe.
        Date(timeIntervalSince1970: (Double(millisecondsSince1970) + 0.5) / 1000).formatted(Self.style)
    }
}

extension Moment: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let date = try? Date(text, strategy: Self.style) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time such as 2026-03-01T09:30:00.250Z")
        }
        self.init(date)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
