import Glibc
import Testing

@testable import PacketRules

/// What the tools of iptables might do, done by programs that are everywhere. The times are such that a program that ends does so in them on
/// any machine.
@Suite struct ToolProcessTests {
    private func shell(_ script: String, seconds: Int = 120) async -> ToolRun.Result {
        await ToolRun.runner(seconds: seconds)(ToolRun(path: "/bin/sh", arguments: ["-c", script]))
    }

    @Test func aToolIsRunWithItsInputAndTellsItsEnd() async {
        let run = ToolRun.runner(seconds: 120)
        #expect(await run(ToolRun(path: "/bin/cat", arguments: [], input: "a\nb")).output == "a\nb")
        #expect(await run(ToolRun(path: "/bin/cat", arguments: [])).output == "")
        #expect(await run(ToolRun(path: "/bin/false", arguments: [])).cause == .failed(status: 1))
        #expect(await run(ToolRun(path: "/nowhere/tool", arguments: [])).cause == .toolMissing)
        #expect(await shell("kill -9 $$").cause == .killed(signal: SIGKILL))
        let failed = await shell("echo said; echo why >&2; exit 3")
        #expect(failed.cause == .failed(status: 3))
        #expect(failed.output == "said\n")
        #expect(failed.message == "why")
    }

    @Test func aToolThatHangsIsEnded() async {
        #expect(await shell("exec sleep 600", seconds: 1).cause == .timedOut(seconds: 1))
        // One that does not listen is made to end.
        #expect(await shell("trap '' TERM; echo $$; while :; do sleep 1; done", seconds: 1).cause == .timedOut(seconds: 1))
    }

    /// A pipe holds 64 KiB: who does not read while the tool prints waits for ever, and so does the tool.
    @Test func muchIsReadAndGiven() async {
        let text = String(repeating: "0123456789abcdef", count: 1 << 16)
        let result = await ToolRun.runner(seconds: 120)(ToolRun(path: "/bin/cat", arguments: [], input: text))
        #expect(result.cause == nil)
        #expect(result.output == text)
        let loud = await shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo said")
        #expect(loud.cause == nil)
        #expect(loud.output == "said\n")
        #expect(loud.message.count == ToolRun.messageLimit)
    }

    @Test func whatNeverEndsIsNotTakenForEver() async {
        guard case .notRun(let why) = await shell("exec cat /dev/zero").cause else {
            Issue.record("more than any table holds was taken")
            return
        }
        #expect(why.contains("\(ToolRun.outputLimit)"))
    }

    @Test func aChildThatStaysIsNotWaitedFor() async throws {
        let result = await shell("sleep 600 & echo $!")
        #expect(result.cause == nil)
        let child = try #require(pid_t(result.output.dropLast()))
        #expect(kill(child, SIGKILL) == 0)
    }

    @Test func aToolHasNothingOfOurs() async throws {
        // A number that the shell would not come to by itself.
        let ours = fcntl(STDERR_FILENO, F_DUPFD, 400)
        defer { close(ours) }
        let theirs = await shell("echo /proc/self/fd/*").output.split(whereSeparator: \.isWhitespace)
        #expect(theirs.contains("/proc/self/fd/2"))
        #expect(!theirs.contains("/proc/self/fd/\(ours)"))
        #expect(await ToolRun.runner(seconds: 120)(ToolRun(path: "/usr/bin/env", arguments: [])).output == "PATH=/usr/bin\nLC_ALL=C\n")
        // No signal is blocked or ignored in it, but for two of the C library's own (32 and 33).
        let words = ["-E", "^Sig(Blk|Ign)", "/proc/self/status"]
        let signals = await ToolRun.runner(seconds: 120)(ToolRun(path: "/bin/grep", arguments: words)).output.split(separator: "\n")
        #expect(signals.count == 2)
        for line in signals { #expect(UInt64(line.dropFirst("SigBlk:\t".count), radix: 16).map { $0 & 0x7fff_ffff } == 0, "\(line)") }
    }

    @Test func whoIsCancelledEndsTheTool() async throws {
        let running = Task { await shell("echo here; exec sleep 600", seconds: 300) }
        running.cancel()
        let result = await running.value
        #expect(result.cause == .notRun("cancelled"))
    }
}
