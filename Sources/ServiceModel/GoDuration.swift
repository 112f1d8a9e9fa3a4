/// Durations as Go writes them (`time.ParseDuration`), which is how kube-proxy's flags are given: `30s`, `1h30m`, `500ms`, `1.5h`, `0`.
package enum GoDuration {
    /// The duration; nil where the text is none, or is negative, or is longer than Go can say (some 292 years).
    package static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        var rest = Array(text.utf8)[...]
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let whole = rest.prefix { isDigit($0) }
            rest = rest.dropFirst(whole.count)
            var fraction = rest[rest.startIndex..<rest.startIndex]
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                fraction = rest.prefix { isDigit($0) }
                rest = rest.dropFirst(fraction.count)
            }
            guard !whole.isEmpty || !fraction.isEmpty, whole.count <= 18 else { return nil }
            let unitBytes = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
            rest = rest.dropFirst(unitBytes.count)
            guard let unit = units[String(decoding: unitBytes, as: UTF8.self)] else { return nil }
            let (scaled, overflow) = number(whole).multipliedReportingOverflow(by: unit)
            guard !overflow else { return nil }
            // Nine digits of a fraction are all that a nanosecond can show of an hour's unit and less; the rest is dropped.
            let digits = fraction.prefix(9)
            var part = number(digits)
            for _ in digits.count..<9 { part *= 10 }
            let nanoseconds = part.multipliedFullWidth(by: unit)
            let (quotient, _) = Int64(1_000_000_000).dividingFullWidth(nanoseconds)
            let (sum, overflowing) = total.addingReportingOverflow(scaled)
            let (all, overflowingToo) = sum.addingReportingOverflow(quotient)
            guard !overflowing, !overflowingToo else { return nil }
            total = all
        }
        return .nanoseconds(total)
    }

    /// In nanoseconds; both signs for micro are Go's.
    private static let units: [String: Int64] = [
        "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// At most 18 digits, which always fit.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64 { digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) } }
}
