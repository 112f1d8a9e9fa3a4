import ArgumentParser
import CommandSupport
import IPVS
import Testing

@testable import ControlCommands

@Suite struct WordsTests {
    private static func expand(_ text: String) throws(CommandFailure) -> String {
        try ShortWords(ControlCommand.self).expand(text.split(separator: " ").map(String.init)).joined(separator: " ")
    }

    @Test(arguments: [
        ("desc svc web", "describe service web"), ("get svc", "get services"), ("g svc", "get services"),
        ("get conn --state x", "get connections --state x"),
        ("ls ep", "get servers"), ("GET Sets", "get sets"), ("get", "get"), ("--version", "--version"), ("help get", "help get"),
        ("save file", "save file"), ("get services svc", "get services svc"),
    ])
    func shortWordsAreWrittenOut(_ short: String, _ long: String) throws {
        #expect(try Self.expand(short) == long)
    }

    @Test(arguments: [
        ("get servces", "did you mean services?"), ("discribe svc", "did you mean describe?"), ("r", "may be restore or rollback"),
        ("get serv", "may be services or servers"),
        ("get xyzzyxyzzy", "there are services, servers"),
    ])
    func wrongWordsAreToldWithTheNearest(_ text: String, _ piece: String) {
        do throws(CommandFailure) {
            let expanded = try Self.expand(text)
            Issue.record("\(text) became \(expanded)")
        } catch {
            #expect(error.description.contains(piece), "\(error)")
            #expect(error.status == ExitStatus.invalid)
        }
    }

    /// Every verb can be parsed, and no two nouns of one verb share a name.
    @Test func namesAreUnique() {
        func check(_ command: any ParsableCommand.Type) {
            var names: Set<String> = []
            for subcommand in command.configuration.everySubcommand {
                for name in [subcommand.configuration.commandName ?? ""] + subcommand.configuration.aliases {
                    #expect(names.insert(name).inserted, "\(name) of \(command)")
                }
                check(subcommand)
            }
        }
        check(ControlCommand.self)
    }

    @Test(arguments: [
        ("10.96.0.10:80", [Samples.web]), ("tcp 10.96.0.10:80", [Samples.web]), ("10.96.0.10:80/tcp", [Samples.web]),
        ("10.96.0.10", [Samples.web]),
        ("[fd00:10:96::a]:53", [Samples.dns]), ("fwmark 7", [Samples.mark]), ("web", [Samples.web]), ("default/web", [Samples.web]),
        ("we", [Samples.web]), ("tcp-10.96.0.10-80", [Samples.web]),
    ])
    func aServiceHasManyNames(_ name: String, _ keys: [VirtualServer.Key]) throws {
        #expect(try ServiceNames(Samples.table.map(\.0.server.key), Samples.knowledge).keys(of: name) == keys)
    }

    @Test(arguments: [
        ("10.96.0.11:80", "there is no virtual server 10.96.0.11:80; did you mean 10.96.0.10:80?"),
        ("wbe", "there is no Service wbe; did you mean web?"),
    ])
    func whatIsNotThereIsToldWithTheNearest(_ name: String, _ message: String) {
        do throws(CommandFailure) {
            _ = try ServiceNames(Samples.table.map(\.0.server.key), Samples.knowledge).keys(of: name)
            Issue.record("\(name) is there")
        } catch {
            #expect(error.description == message)
        }
    }

    @Test func filtersLeaveOut() throws {
        func admitted(_ words: String...) throws -> [VirtualServer.Key] {
            let filter = try FilterOptions.parse(words)
            return Samples.table.map(\.0.server.key).filter { filter.admits($0, Samples.knowledge) }
        }
        #expect(try admitted() == [Samples.web, Samples.dns, Samples.mark])
        #expect(try admitted("-n", "default") == [Samples.web])
        #expect(try admitted("--service", "web") == [Samples.web])
        #expect(try admitted("--service", "eb") == [])
        #expect(try admitted("--address", "10.96.0.0/12") == [Samples.web])
        #expect(try admitted("--port", "53", "--protocol", "udp") == [Samples.dns])
        #expect(try admitted("--state", "different") == [Samples.web])
        #expect(try admitted("--state", "unmanaged") == [Samples.dns, Samples.mark])
        #expect(throws: (any Error).self) { try admitted("--address", "10.96.0.300") }
        #expect(throws: (any Error).self) { try admitted("--state", "nosuch") }
    }
}
