import ArgumentParser

/// How something is printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case wide
    case json
    case yaml
    case name
}

/// How a listing is printed.
struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "How to print: table, wide (more columns, and notes), json, yaml or name.")
    var output = OutputFormat.table

    @Flag(name: [.short, .long], help: "Print again every few seconds, until interrupted.")
    var watch = false

    @Option(help: ArgumentHelp("Seconds between two looks with --watch.", valueName: "seconds"))
    var interval = 2.0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("A column to sort by, such as active; -active turns the order around.", valueName: "column"))
    var sort: String?

    func validate() throws {
        guard interval >= 0.1, interval <= 86_400 else { throw ValidationError("--interval is 0.1 to 86400 seconds") }
    }
}
