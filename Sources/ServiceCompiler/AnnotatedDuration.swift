/// A length of time as an annotation says it: as Go writes it, in hours, minutes, seconds and milliseconds, up to a day.
enum AnnotatedDuration {
    static let words = "a length of time up to 24h, such as 30s or 1m30s"
    private static let longest = Duration.seconds(24 * 3600)
    private static let units: [Substring: Int64] = ["h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1]

    static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        var rest = text[...]
        var milliseconds: Int64 = 0
        guard !rest.isEmpty, rest.utf8.count <= 32 else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let number = Int64(digits), number <= 86_400_000, let factor = units[unit] else { return nil }
            milliseconds += number * factor
        }
        let duration = Duration.milliseconds(milliseconds)
        return duration <= longest ? duration : nil
    }
}
