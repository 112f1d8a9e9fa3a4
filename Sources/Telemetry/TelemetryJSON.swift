package import FoundationEssentials

/// JSON as the agent writes it: keys in the order of the alphabet, slashes as they are, fields without a value left out.
///
/// The same value always gives the same bytes.
package enum TelemetryJSON {
    package static let apiVersion = "ipvs-agent.dev/v1alpha1"

    /// A document for people too, over several lines, with a newline at its end.
    package static func document(_ value: some Encodable) throws -> Data {
        try encode(value, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted])
    }

    /// One line with its newline.
    package static func line(_ value: some Encodable) throws -> Data { try encode(value, [.sortedKeys, .withoutEscapingSlashes]) }

    private static func encode(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        var data = try encoder.encode(value)
        data.append(UInt8(ascii: "\n"))
        return data
    }
}
