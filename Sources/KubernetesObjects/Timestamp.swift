/// Reads RFC 3339 timestamps as the API writes them: `2026-11-21T00:23:06Z`, also with a fraction or an offset.
enum Timestamp {
    /// Seconds since 1970, the fraction dropped; nil where the text is no timestamp.
    static func seconds(_ text: String) -> Int64? { parts(text)?.seconds }

    /// Milliseconds since 1970, what is below dropped; nil where the text is no timestamp.
    static func milliseconds(_ text: String) -> Int64? { parts(text).map { $0.seconds * 1000 + $0.milliseconds } }

    private static func parts(_ text: String) -> (seconds: Int64, milliseconds: Int64)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40 else { return nil }
        func digits(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] | 0x20 == UInt8(ascii: "t"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = digits(0..<4), let month = digits(5..<7), let day = digits(8..<10),
            let hour = digits(11..<13), let minute = digits(14..<16), let second = digits(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var rest = bytes[19...]
        var milliseconds: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let fraction = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !fraction.isEmpty else { return nil }
            for place in 0..<3 {
                let index = fraction.startIndex + place
                milliseconds = milliseconds * 10 + (index < fraction.endIndex ? Int64(fraction[index] - UInt8(ascii: "0")) : 0)
            }
            rest = rest.dropFirst(fraction.count)
        }
        var offset: Int64 = 0
        if rest.count == 1, let zone = rest.first {
            guard zone | 0x20 == UInt8(ascii: "z") else { return nil }
        } else {
            let start = rest.startIndex
            guard rest.count == 6, rest[start + 3] == UInt8(ascii: ":"), let hours = digits(start + 1..<start + 3),
                let minutes = digits(start + 4..<start + 6), hours < 24, minutes < 60
            else { return nil }
            switch rest[start] {
            case UInt8(ascii: "+"): offset = hours * 3600 + minutes * 60
            case UInt8(ascii: "-"): offset = -(hours * 3600 + minutes * 60)
            default: return nil
            }
        }
        return (days(year: year, month: month, day: day) * 86400 + hour * 3600 + minute * 60 + second - offset, milliseconds)
    }

    /// Days since 1970-01-01 of the proleptic Gregorian calendar, with the year taken to begin in March so that the leap day is its last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
