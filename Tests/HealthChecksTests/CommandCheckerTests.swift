import FoundationEssentials
import Glibc
import HealthModel
import TestSupport
import Testing

@testable import HealthChecks

@Suite(.serialized) struct CommandCheckerTests {
    @Test(arguments: [
        (["/bin/sh", "-c", "exit 0"], CheckOutcome.good), (["/bin/sh", "-c", "exit 3"], .bad("exit status 3")),
        (["/bin/sh", "-c", "kill -9 $$"], .bad("killed by signal")),
        (["/bin/sh", "-c", #"[ "$IPVS_BACKEND_ADDRESS:$IPVS_BACKEND_PORT" = 127.0.0.1:81 ]"#], .good),
        (["/bin/sh", "-c", #"[ -z "$HOME" ] && [ "$PWD" = / ] && [ ! -t 0 ]"#], .good),
        (["/bin/sh", "-c", "head -c 10000000 /dev/zero; head -c 10000000 /dev/zero >&2"], .good),
        (["/nonexistent/program"], .hindered("")),
    ])
    func theStatusTells(words: [String], expected: CheckOutcome) async throws {
        let outcome = try await ask(probe(.command(words), 81))
        switch (outcome, expected) {
        case (.bad(let said), .bad(let wanted)), (.hindered(let said), .hindered(let wanted)): #expect(said.hasPrefix(wanted))
        default: #expect(outcome == expected)
        }
    }

    @Test func aNameWithoutAPathIsRefused() async throws {
        await #expect(throws: CheckerProblem.self) { try await ask(probe(.command(["true"]), 81)) }
        await #expect(throws: CheckerProblem.self) { try await ask(probe(.command([]), 81)) }
    }

    @Test func atItsTimeItIsKilledWithAllThatCameOfIt() async throws {
        let file = "/tmp/health-command-\(UInt32.random(in: 0 ... .max))"
        defer { _ = unsafe unlink(file) }
        // A child; one in a session of its own; one whose parent is gone and that has a session of its own. None hears SIGTERM.
        let script = """
            trap '' TERM; echo $$ >> \(file)
            (trap '' TERM; echo $BASHPID >> \(file); sleep 60) &
            setsid bash -c 'echo $$ >> \(file); sleep 60' &
            (setsid bash -c 'trap "" TERM HUP; echo $$ >> \(file); sleep 60' &)
            wait; sleep 60
            """
        func processes() -> [Int32] {
            ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n").compactMap { Int32($0) }
        }
        let outcome = try await ask(probe(.command(["/bin/bash", "-c", script]), 81, timeout: .seconds(5)))
        #expect(outcome == .bad("still running after 5 s, and killed"))
        #expect(processes().count == 4)
        let areGone = try await eventually { processes().allSatisfy { ProcessTree.startTime(of: $0) == nil } }
        #expect(areGone)
        for process in processes() where !areGone { kill(process, SIGKILL) }
    }

    @Test func whatItLeavesInItsSessionEndsWithIt() async throws {
        let file = "/tmp/health-command-\(UInt32.random(in: 0 ... .max))"
        defer { _ = unsafe unlink(file) }
        #expect(try await ask(probe(.command(["/bin/sh", "-c", "sleep 60 & echo $! > \(file)"]), 81)) == .good)
        let process = Int32((try String(contentsOfFile: file, encoding: .utf8)).filter { $0.isNumber }) ?? 0
        #expect(process > 1)
        #expect(try await eventually { ProcessTree.startTime(of: process) == nil })
    }

    @Test func aMarkTellsWhetherItsMakerIsStillThere() {
        #expect(!ProcessTree.isLeftOver(CommandMark().value))
        #expect(ProcessTree.isLeftOver("\(getpid())-1-7"))
        #expect(!ProcessTree.isLeftOver("garbage"))
        #expect(!ProcessTree.isLeftOver("a-b-c"))
        #expect(CommandMark().value != CommandMark().value)
    }
}
