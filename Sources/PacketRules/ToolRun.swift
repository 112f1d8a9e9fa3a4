/// A program that is to be run, and what came of it.
struct ToolRun: Sendable {
    var path: String
    var arguments: [String]
    var input = ""

    struct Result: Sendable {
        var cause: RuleError.Cause?
        var output = ""
        var message = ""
    }

    /// How a tool is run; tests put their own in its place.
    typealias Runner = @Sendable (ToolRun) async -> Result

    /// What the tools print at most: 100,000 rules of 160 bytes.
    static let outputLimit = 16 << 20

    /// What is kept of their errors.
    static let messageLimit = 1 << 16

    /// Runs the program for so many seconds at most. There is no shell, and nothing of our environment but the path. Cancelled, the program is
    /// told to end.
    static func runner(seconds: Int) -> Runner {
        { run in await ToolProcess(run).end(within: seconds) }
    }
}
