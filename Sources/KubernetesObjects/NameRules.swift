/// The rules of names in the Kubernetes API (`k8s.io/apimachinery/pkg/util/validation`), each with the sentence for a name that breaks it.
package enum NameRule {
    /// RFC 1123 label: Services, namespaces, port names.
    case label
    /// RFC 1123 subdomain, labels joined by dots: nodes, endpoint slices.
    case subdomain
    /// IANA service name: a named target port.
    case portName

    /// What is wrong with a name, nil where it is good.
    func fault(in name: String) -> String? {
        switch self {
        case .label:
            return Self.isLabel(name[...]) && name.utf8.count <= 63
                ? nil : "is not a name: at most 63 of a–z, 0–9 and -, with a letter or digit at both ends"
        case .subdomain:
            let labels = name.split(separator: ".", omittingEmptySubsequences: false)
            return labels.allSatisfy(Self.isLabel) && name.utf8.count <= 253
                ? nil : "is not a name: at most 253 of a–z, 0–9, - and ., with a letter or digit at both ends of each part"
        case .portName:
            let hasLetter = name.utf8.contains { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
            return Self.isLabel(name[...]) && name.utf8.count <= 15 && hasLetter && !name.contains("--")
                ? nil : "is not a port name: at most 15 of a–z, 0–9 and single -, at least one letter, with a letter or digit at both ends"
        }
    }

    private static func isLabel(_ text: Substring) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = text.utf8.first, let last = text.utf8.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
}

extension FieldReader {
    /// The value as a name under a rule.
    package func name(_ rule: NameRule) -> String? {
        guard let text = string() else { return nil }
        return name(text, rule)
    }

    /// The value as a name that may be empty, which is also what it is where it is left out.
    func optionalName(_ rule: NameRule) -> String? {
        guard isPresent else { return "" }
        guard let text = string() else { return nil }
        return text.isEmpty ? "" : name(text, rule)
    }

    private func name(_ text: String, _ rule: NameRule) -> String? {
        if let fault = rule.fault(in: text) {
            error("\"\(shown(text))\" \(fault)")
            return nil
        }
        return text
    }
}
