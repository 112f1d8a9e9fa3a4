import Foundation

/// One line of the result.
struct Row: Encodable {
    /// What was measured.
    var what: String
    /// Ours, with its unit.
    var ours: String
    /// What it is compared with; empty where it is compared with a number only.
    var other = ""
    /// What the target is about: a ratio, or the figure itself.
    var figure: Double?
    var target: Target?

    /// A figure that is to be reached.
    enum Target: Encodable {
        case atMost(Double, unit: String)
        case atLeast(Double, unit: String)

        func isMet(by figure: Double) -> Bool {
            switch self {
            case .atMost(let limit, _): figure <= limit
            case .atLeast(let limit, _): figure >= limit
            }
        }

        var text: String {
            switch self {
            case .atMost(let limit, let unit): "≤ \(limit.short)\(unit)"
            case .atLeast(let limit, let unit): "≥ \(limit.short)\(unit)"
            }
        }

        var unit: String {
            switch self {
            case .atMost(_, let unit), .atLeast(_, let unit): unit
            }
        }
    }

    var isMet: Bool? {
        guard let figure, let target else { return nil }
        return target.isMet(by: figure)
    }

    private enum Key: String, CodingKey { case what, ours, other, figure, target, met }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(what, forKey: .what)
        try container.encode(ours, forKey: .ours)
        try container.encode(other, forKey: .other)
        try container.encodeIfPresent(figure, forKey: .figure)
        try container.encodeIfPresent(target?.text, forKey: .target)
        try container.encodeIfPresent(isMet, forKey: .met)
    }
}

/// All lines, as Markdown for people or as JSON.
enum Table {
    static func markdown(_ rows: [Row], hasHead: Bool) -> String {
        var lines = hasHead ? ["| what | ours | against | figure | target | met |", "| --- | --- | --- | --- | --- | --- |"] : []
        for row in rows {
            let figure = row.figure.map { "\($0.short)\(row.target?.unit ?? " ×")" } ?? ""
            let met = row.isMet.map { $0 ? "yes" : "**no**" } ?? ""
            lines.append("| \(row.what) | \(row.ours) | \(row.other) | \(figure) | \(row.target?.text ?? "") | \(met) |")
        }
        return lines.joined(separator: "\n")
    }

    static func json(_ rows: [Row]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(rows), as: UTF8.self)
    }
}

extension Double {
    /// Three significant digits are as many as a benchmark has.
    var short: String {
        guard isFinite else { return "–" }
        let size = abs(self)
        return String(format: size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", self).replacing(/\.0+$/, with: "")
    }

    var secondsText: String { self < 1 ? "\((self * 1000).short) ms" : "\(short) s" }
}

/// What is going on, on standard error.
func progress(_ text: String) { FileHandle.standardError.write(Data("benchmark: \(text)\n".utf8)) }
