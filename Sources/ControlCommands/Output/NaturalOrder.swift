/// Text in the order in which a person would put it: numbers in it count as numbers, so that 10.0.0.9 comes before 10.0.0.10.
enum NaturalOrder {
    /// Less than 0 where the first comes before the second, 0 where they are equal.
    static func compare(_ left: String, _ right: String) -> Int {
        var (a, b) = (left.utf8.makeIterator(), right.utf8.makeIterator())
        var (x, y) = (a.next(), b.next())
        while let one = x, let other = y {
            if isDigit(one), isDigit(other) {
                let (first, afterFirst) = number(one, &a)
                let (second, afterSecond) = number(other, &b)
                if first.count != second.count { return first.count < second.count ? -1 : 1 }
                if first != second { return first.lexicographicallyPrecedes(second) ? -1 : 1 }
                (x, y) = (afterFirst, afterSecond)
            } else {
                if one != other { return one < other ? -1 : 1 }
                (x, y) = (a.next(), b.next())
            }
        }
        return x == nil ? (y == nil ? 0 : -1) : 1
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

    /// The digits of a number without leading zeros, and the byte after them.
    private static func number(_ first: UInt8, _ rest: inout String.UTF8View.Iterator) -> ([UInt8], UInt8?) {
        var digits: [UInt8] = first == 48 ? [] : [first]
        while let byte = rest.next() {
            guard isDigit(byte) else { return (digits, byte) }
            if byte != 48 || !digits.isEmpty { digits.append(byte) }
        }
        return (digits, nil)
    }
}
