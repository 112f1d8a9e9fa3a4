import Programs
import Testing

@testable import PacketRules

@Suite struct ToolRunTests {
    /// How programs are run is the business of `Programs`; here it is what a tool has of ours, and what its end means.
    @Test func aToolHasItsOwnDirectoryAsItsPath() async {
        let run = ToolRun.runner(seconds: 120)
        #expect(await run(ToolRun(path: "/usr/bin/env", arguments: [])).output == "LC_ALL=C\nPATH=/usr/bin\n")
        #expect(await run(ToolRun(path: "/bin/cat", arguments: [], input: "a\nb")).output == "a\nb")
    }

    @Test func itsEndIsToldInWordsOfRules() async {
        let run = ToolRun.runner(seconds: 120)
        #expect(await run(ToolRun(path: "/bin/true", arguments: [])).cause == nil)
        #expect(await run(ToolRun(path: "/bin/false", arguments: [])).cause == .failed(status: 1))
        #expect(await run(ToolRun(path: "/nowhere/tool", arguments: [])).cause == .toolMissing)
        #expect(await run(ToolRun(path: "/etc/passwd", arguments: [])).cause == .notRun("Permission denied"))
        #expect(RuleError.Cause(.killed(signal: 9)) == .killed(signal: 9))
        #expect(RuleError.Cause(.timedOut(seconds: 3)) == .timedOut(seconds: 3))
        #expect(RuleError.Cause(.printedTooMuch(limit: 7)) == .notRun("it printed more than 7 bytes"))
        #expect(RuleError.Cause(.cancelled) == .notRun("cancelled"))
    }
}
