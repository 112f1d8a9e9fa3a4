import ArgumentParser
import FoundationEssentials

/// How a listing is printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case wide
    case json
}

struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "How to print: table, wide (a table with more columns) or json.")
    var output = OutputFormat.table

    /// Prints a document as JSON: keys in a fixed order, so that outputs can be compared.
    func printJSON(_ document: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(document), as: UTF8.self))
    }
}
