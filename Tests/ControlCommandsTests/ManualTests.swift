import Testing

@testable import ControlCommands

@Suite struct ManualTests {
    @Test func aPageForEachVerb() throws {
        let pages = try ManualCommand.pages()
        let names = pages.map(\.name)
        #expect(names.first == "ipvsctl")
        for verb in [
            "get", "describe", "top", "events", "why", "doctor", "plan", "diff", "apply", "save", "restore", "rollback", "set", "drain",
            "zero",
        ] {
            #expect(names.contains("ipvsctl-\(verb)"), "\(verb)")
        }
        let get = try #require(pages.first { $0.name == "ipvsctl-get" }).text
        for piece in ["GET SERVICES", "\\fB\\-\\-sort\\fR \\fIcolumn\\fR", "Also: service, svc.", "(default: table)"] {
            #expect(get.contains(piece), "\(piece)")
        }
    }

    @Test func nothingIsTakenForAMacro() {
        #expect(ManualPage.escaped(".SH a-b\\c") == "\\&.SH a\\-b\\ec")
        #expect(ManualPage.escaped("'x") == "\\&'x")
    }
}
