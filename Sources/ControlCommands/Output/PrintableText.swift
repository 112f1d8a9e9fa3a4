extension StringProtocol {
    /// The text without anything that a terminal would obey: reasons, owners and labels are written by others than who reads them.
    var printable: String {
        // Nearly all of it, and quick to see.
        if utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return String(self) }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars { text.append(scalar.properties.generalCategory == .control ? "\u{fffd}" : scalar) }
        return String(text)
    }

    /// JSON with those control characters escaped, too, that JSON need not escape (RFC 8259, 7): DEL and U+0080 to U+009F. They stand in texts only.
    var printableJSON: String {
        guard unicodeScalars.contains(where: { (0x7f...0x9f).contains($0.value) }) else { return String(self) }
        var text = ""
        for scalar in unicodeScalars {
            if (0x7f...0x9f).contains(scalar.value) {
                text += "\\u00" + String(scalar.value, radix: 16)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
