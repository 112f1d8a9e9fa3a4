import Glibc
import Testing

@testable import Programs

/// What programs might do, done by such as are everywhere. The times are such that a program that ends does so in them on any machine.
@Suite struct ProgramRunTests {
    private static let outputLimit = 1 << 21
    private static let errorLimit = 1 << 16

    private func run(_ program: Program, _ input: String = "", seconds: Int = 120) async -> Program.Outcome {
        await program.run(input, seconds: seconds, outputLimit: Self.outputLimit, errorLimit: Self.errorLimit)
    }

    private func shell(_ script: String, seconds: Int = 120) async -> Program.Outcome {
        await run(Program("/bin/sh", ["-c", script], environment: ["PATH": "/bin:/usr/bin"]), seconds: seconds)
    }

    @Test func aProgramIsRunWithItsInputAndTellsItsEnd() async {
        #expect(await run(Program("/bin/cat"), "a\nb").output == "a\nb")
        #expect(await run(Program("/bin/cat")).output == "")
        #expect(await run(Program("/bin/false")).ending == .exited(1))
        #expect(await run(Program("false")).ending == .exited(1), "a name is looked for")
        #expect(await shell("kill -9 $$").ending == .killed(signal: SIGKILL))
        let failed = await shell("echo said; echo why >&2; exit 3")
        #expect(failed.ending == .exited(3))
        #expect(failed.output == "said\n")
        #expect(failed.errors == "why")
    }

    @Test func oneThatGivesWayIsAsNiceAsCanBe() async {
        // The nineteenth field of stat is how nice it is, see proc(5). The shell waits until it has been told.
        let script = "while set -- $(cat /proc/$$/stat); [ ${19} = 0 ]; do :; done; echo ${19}"
        var program = Program("/bin/sh", ["-c", script], environment: ["PATH": "/bin:/usr/bin"], givesWay: true)
        #expect(await run(program).output == "19\n")
        (program.givesWay, program.arguments) = (false, ["-c", "set -- $(cat /proc/$$/stat); echo ${19}"])
        #expect(await run(program).output == "\(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0))\n")
    }

    @Test(arguments: ["/nowhere/program", "no-such-program-anywhere"]) func whatIsNotThereIsSaidToBeMissing(name: String) async {
        guard case .notStarted(let error) = await run(Program(name)).ending else {
            Issue.record("it was started")
            return
        }
        #expect(error.isMissing)
        await #expect(throws: ProgramStartError.self) { try await Program(name).start() }
    }

    @Test func whatMayNotBeRunIsNotMissing() async {
        guard case .notStarted(let error) = await run(Program("/etc/passwd")).ending else {
            Issue.record("it was started")
            return
        }
        #expect(!error.isMissing)
    }

    @Test func aProgramThatHangsIsEnded() async {
        #expect(await shell("exec sleep 600", seconds: 1).ending == .timedOut(seconds: 1))
        // One that does not listen is made to end.
        #expect(await shell("trap '' TERM; echo $$; while :; do sleep 1; done", seconds: 1).ending == .timedOut(seconds: 1))
    }

    /// A pipe holds 64 KiB: who does not read while the program prints waits for ever, and so does the program.
    @Test func muchIsReadAndGiven() async {
        let text = String(repeating: "0123456789abcdef", count: 1 << 16)
        let result = await run(Program("/bin/cat"), text)
        #expect(result.ending == .exited(0))
        #expect(result.output == text)
        let loud = await shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo said")
        #expect(loud.ending == .exited(0))
        #expect(loud.output == "said\n")
        #expect(loud.errors.count == Self.errorLimit)
    }

    @Test func whatNeverEndsIsNotTakenForEver() async {
        #expect(await shell("exec cat /dev/zero").ending == .printedTooMuch(limit: Self.outputLimit))
    }

    @Test func aChildThatStaysIsNotWaitedFor() async throws {
        let result = await shell("sleep 600 & echo $!")
        #expect(result.ending == .exited(0))
        let child = try #require(pid_t(result.output.dropLast()))
        #expect(kill(child, SIGKILL) == 0)
    }

    @Test func aProgramHasNothingOfOurs() async throws {
        // A number that the shell would not come to by itself.
        let ours = fcntl(STDERR_FILENO, F_DUPFD, 400)
        defer { close(ours) }
        let theirs = await shell("echo /proc/self/fd/*").output.split(whereSeparator: \.isWhitespace)
        #expect(theirs.contains("/proc/self/fd/2"))
        #expect(!theirs.contains("/proc/self/fd/\(ours)"))
        #expect(await run(Program("/usr/bin/env", environment: ["B": "2", "A": "1=1"])).output == "A=1=1\nB=2\n")
        // No signal is blocked or ignored in it, but for two of the C library's own (32 and 33).
        let signals = await run(Program("/bin/grep", ["-E", "^Sig(Blk|Ign)", "/proc/self/status"])).output.split(separator: "\n")
        #expect(signals.count == 2)
        for line in signals { #expect(UInt64(line.dropFirst("SigBlk:\t".count), radix: 16).map { $0 & 0x7fff_ffff } == 0, "\(line)") }
    }

    @Test func itBeginsWhereItIsSaid() async {
        #expect(await run(Program("/bin/pwd", directory: "/usr")).output == "/usr\n")
    }

    @Test func whoIsCancelledEndsTheProgram() async throws {
        let running = Task { await shell("echo here; exec sleep 600", seconds: 300) }
        running.cancel()
        #expect(await running.value.ending == .cancelled)
    }
}

@Suite struct ChildEndTests {
    private func start(_ script: String) async throws -> pid_t {
        try await Program("/bin/sh", ["-c", script], environment: ["PATH": "/bin:/usr/bin"], hasOwnSession: true).start()
    }

    @Test(arguments: [("exit 0", Program.Ending.exited(0)), ("exit 7", .exited(7)), ("kill -TERM $$", .killed(signal: SIGTERM))])
    func anEndIsSeenAndTold(script: String, ending: Program.Ending) async throws {
        let child = try await start(script)
        await ChildEnd.wait(for: child)
        #expect(kill(child, 0) == 0, "its number stays its own until it is reaped")
        #expect(ChildEnd.reap(child) == ending)
        #expect(kill(child, 0) != 0)
    }

    @Test func anEndIsSeenWithoutADescriptorToo() async throws {
        let child = try await start("exit 7")
        await ChildEnd.wait(for: child, through: -1)
        #expect(ChildEnd.reap(child) == .exited(7))
        // One that is no child any more has ended, and nobody knows how.
        await ChildEnd.wait(for: child, through: -1)
        #expect(ChildEnd.reap(child) == nil)
    }

    @Test func itLeadsASessionOfItsOwn() async throws {
        let child = try await start("sleep 600 & wait")
        #expect(getsid(child) == child && getpgid(child) == child)
        #expect(kill(-child, SIGKILL) == 0)
        await ChildEnd.wait(for: child)
        #expect(ChildEnd.reap(child) == .killed(signal: SIGKILL))
    }

    @Test func itReadsNothingAndItsOutputIsDropped() async throws {
        let child = try await start("head -c 10000000 /dev/zero; head -c 10000000 /dev/zero >&2; test -z \"$(cat)\"")
        await ChildEnd.wait(for: child)
        #expect(ChildEnd.reap(child) == .exited(0))
    }

    /// More than there are threads for those who wait: all of them run before the first has ended.
    @Test func manyAreWaitedForAtOnce() async throws {
        var children: [pid_t] = []
        for _ in 0..<150 { children.append(try await Program("/bin/sleep", ["600"], hasOwnSession: true).start()) }
        await withTaskGroup(of: Program.Ending?.self) { group in
            for child in children {
                group.addTask {
                    await ChildEnd.wait(for: child)
                    return ChildEnd.reap(child)
                }
            }
            for child in children.reversed() { #expect(kill(-child, SIGKILL) == 0) }
            for await ending in group { #expect(ending == .killed(signal: SIGKILL)) }
        }
    }
}
