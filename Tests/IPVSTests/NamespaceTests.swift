import Foundation
import Testing

@testable import IPVS

@Suite struct NamespaceTests {
    @Test func namesAndPaths() throws {
        #expect(try NetworkNamespace("blue").file() == "/run/netns/blue")
        #expect(try NetworkNamespace("/proc/7/ns/net").file() == "/proc/7/ns/net")
        #expect(NetworkNamespace.process(7) == .path("/proc/7/ns/net"))
        #expect(NetworkNamespace("a/b") == .path("a/b"))
        #expect(try NetworkNamespace.name("...").file() == "/run/netns/...")
        #expect("\(NetworkNamespace.name("blue")) \(NetworkNamespace.path("/x"))" == "blue /x")
    }

    @Test(
        "A name leads nowhere else",
        arguments: [
            .name(""), .name("."), .name(".."), .name("../../etc/passwd"), .name("/proc/1/ns/net"), .name("a/b"), .name("a\u{0}b"),
            .name(String(repeating: "a", count: 256)), .path(""), .path("/proc/self/ns/net\u{0}x"),
            .path(String(repeating: "/", count: 4096)),
        ] as [NetworkNamespace])
    func invalid(namespace: NetworkNamespace) {
        func check(_ what: String, _ open: () throws(IPVSError) -> Void) {
            do throws(IPVSError) {
                try open()
                Issue.record("opened a \(what)")
            } catch {
                #expect(error.reason == .invalidNamespace(namespace))
                #expect(error.operation == "enter the network namespace")
            }
        }
        check("handle") { () throws(IPVSError) in _ = try IPVSHandle(namespace: namespace) }
        check("table") { () throws(IPVSError) in _ = try IPVSTableReader(namespace: namespace) }
        check("connections") { () throws(IPVSError) in _ = try IPVSConnectionReader(namespace: namespace) }
    }

    @Test(
        "What is not there is named",
        arguments: [.name("no-such-namespace"), .path("/proc/self/no-such-file"), .path("/proc/version/x")] as [NetworkNamespace])
    func unknown(namespace: NetworkNamespace) {
        do throws(IPVSError) {
            _ = try IPVSHandle(namespace: namespace)
            Issue.record("opened")
        } catch {
            guard case .unknownNamespace(namespace, known: _) = error.reason else {
                Issue.record("\(error)")
                return
            }
            #expect(error.description.hasPrefix("enter the network namespace \(namespace): there is no such network namespace"))
        }
    }

    @Test(
        "Those that there are, no more than ten of them",
        arguments: [
            ([], "there is no such network namespace"), (["blue"], "there is no such network namespace; there is blue"),
            (["a", "b", "c"], "there is no such network namespace; there are a, b and c"),
            (
                (0..<12).map { "n\($0)" },
                "there is no such network namespace; there are n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more"
            ),
        ] as [([String], String)])
    func known(names: [String], text: String) {
        #expect(IPVSError.Reason.unknownNamespace(.name("red"), known: names).description == text)
    }

    @Test func listing() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/namespaces-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(NetworkNamespace.names(in: directory).isEmpty)
        for name in ["green", "blue", "red"] { _ = FileManager.default.createFile(atPath: directory + "/" + name, contents: nil) }
        #expect(NetworkNamespace.names(in: directory) == ["blue", "green", "red"])
        #expect(NetworkNamespace.names(in: directory, limit: 2).count == 2)
        #expect(NetworkNamespace.names(in: directory + "/none").isEmpty)
    }

    @Test("A file that is no namespace says so, and what may have left it there", .enabled(if: geteuid() == 0, "setns needs root"))
    func notANamespace() {
        for path in ["/proc/self/ns/mnt", "/proc/version"] {
            do throws(IPVSError) {
                _ = try IPVSTableReader(namespace: .path(path))
                Issue.record("opened")
            } catch {
                #expect(error.reason == .notNamespace(.path(path)))
            }
        }
        #expect(IPVSError.Reason.notNamespace(.name("blue")).remedy?.contains("ip netns delete blue") == true)
    }
}
