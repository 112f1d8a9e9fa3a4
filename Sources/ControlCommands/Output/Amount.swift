/// Large numbers as a person reads them, in four places or less.
enum Amount {
    /// `0`, `999`, `1.2k`, `45k`, `3.4M`.
    static func short(_ number: UInt64) -> String {
        guard number >= 1000 else { return "\(number)" }
        var value = Double(number)
        for unit in ["k", "M", "G", "T", "P", "E"] {
            value /= 1000
            // Rounding may carry into the next unit.
            if value < 9.95 { return "\(Int(value * 10 + 0.5) / 10).\(Int(value * 10 + 0.5) % 10)\(unit)" }
            if value < 999.5 { return "\(Int(value + 0.5))\(unit)" }
        }
        return "\(Int(value + 0.5))E"
    }

    /// `999 B`, `1.2 kB`, `45 MB`: powers of ten, as networks count.
    static func bytes(_ number: UInt64) -> String {
        let text = short(number)
        guard let unit = text.last, unit.isLetter else { return text + " B" }
        return text.dropLast() + " \(unit)B"
    }
}
