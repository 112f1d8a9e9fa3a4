import Addresses
import ServiceModel

/// The texts that settings were given, and readers that turn them into values.
///
/// A reader that finds something wrong says so and returns the default, so that everything wrong is found at one go.
struct SettingValues {
    var problems: [SettingsProblem] = []
    private(set) var origins: [String: SettingOrigin] = [:]
    private var texts: [String: String] = [:]

    mutating func set(_ definition: SettingDefinition, _ text: String, _ origin: SettingOrigin) {
        texts[definition.name] = text
        origins[definition.name] = origin
    }

    func isSet(_ definition: SettingDefinition) -> Bool { texts[definition.name] != nil }

    mutating func report(_ definition: SettingDefinition, _ message: String) {
        problems.append(SettingsProblem(place: origins[definition.name]?.description ?? definition.flag, message: message))
    }

    /// The text, the default's where nothing was said.
    func text(_ definition: SettingDefinition) -> String { texts[definition.name] ?? definition.defaultText }

    /// The text; nil where it is empty.
    func optionalText(_ definition: SettingDefinition) -> String? {
        let text = text(definition)
        return text.isEmpty ? nil : text
    }

    mutating func boolean(_ definition: SettingDefinition) -> Bool {
        read(definition, "true or false") { text in text == "true" ? true : text == "false" ? false : nil } ?? false
    }

    mutating func integer(_ definition: SettingDefinition, in range: ClosedRange<Int>) -> Int {
        read(definition, "a number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        } ?? range.lowerBound
    }

    mutating func duration(_ definition: SettingDefinition) -> Duration {
        read(definition, "a duration such as 30s, 1h30m or 500ms", GoDuration.parse) ?? .zero
    }

    mutating func word<Word: RawRepresentable>(_ definition: SettingDefinition) -> Word? where Word.RawValue == String {
        read(definition, "one of \(definition.kind.placeholder.replacing("|", with: ", "))", Word.init(rawValue:))
    }

    /// The entries of a list, without blanks around them.
    func list(_ definition: SettingDefinition) -> [String] {
        text(definition).split(separator: ",").map { $0.drop { $0 == " " } }.map { entry in
            var entry = entry
            while entry.last == " " { entry.removeLast() }
            return String(entry)
        }.filter { !$0.isEmpty }
    }

    mutating func ranges(_ definition: SettingDefinition) -> [IPPrefix] {
        list(definition).compactMap { entry in
            if let range = IPPrefix(entry) { return range }
            report(definition, "\"\(entry)\" is not a range such as 10.96.0.0/12 or fd00::/64")
            return nil
        }
    }

    /// Reads a value; what does not read is reported as not being what was wanted, and the default taken instead.
    mutating func read<Value>(_ definition: SettingDefinition, _ wanted: String, _ parse: (String) -> Value?) -> Value? {
        let text = text(definition)
        if let value = parse(text) { return value }
        report(definition, "\"\(text)\" is not \(wanted)")
        return parse(definition.defaultText)
    }
}
