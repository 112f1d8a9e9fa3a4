import Foundation
import ManifestSource
import Testing
import VirtualServerDocuments

/// A file is taken whole or not at all, and what is wrong is told with line and field.
@Suite struct RefusalTests {
    private static func problems(_ text: String) -> [String] {
        do throws(RefusedDocument) {
            _ = try VirtualServerList(reading: Array(text.utf8), file: "t.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    private static let head = "apiVersion: ipvs-agent.dev/v1alpha1\nkind: VirtualServerList\nitems:\n"

    @Test(arguments: [
        (
            "- spec: {address: 10.0.0.1, port: 80, protocol: tcp}",
            "t.yaml:4, document 1, items[0].spec.scheduler: missing: the scheduler, such as rr"
        ),
        (
            "- spec: {address: 10.0.0.1, port: 80, protocol: tcp, schedular: rr, scheduler: rr}",
            "t.yaml:4, document 1, items[0].spec.schedular: unknown field; did you mean scheduler?"
        ),
        (
            "- spec: {address: 10.0.0.1, port: 80, protocol: tpc, scheduler: rr}",
            "t.yaml:4, document 1, items[0].spec.protocol: \"tpc\" is none of tcp, udp, sctp"
        ),
        (
            "- spec: {address: 10.0.0.256, port: 80, protocol: tcp, scheduler: rr}",
            "t.yaml:4, document 1, items[0].spec.address: \"10.0.0.256\" is not an IP address"
        ),
        (
            "- spec: {address: 10.0.0.1, port: 0, protocol: tcp, scheduler: rr}",
            "t.yaml:4, document 1, items[0].spec.port: port 0 takes every port, and needs persistence"
        ),
        (
            "- spec: {firewallMark: 7, port: 80, scheduler: rr}",
            "t.yaml:4, document 1, items[0].spec.port: a firewall mark has none"
        ),
        (
            "- spec:\n    address: 10.0.0.1\n    port: 80\n    protocol: tcp\n    scheduler: rr\n    realServers:\n    - {address: 'fd00::1', port: 80}",
            "t.yaml:10, document 1, items[0].spec.realServers[0].address: fd00::1 is not of IPv4, and only a tunnel leads to the other family"
        ),
        (
            "- spec:\n    address: 10.0.0.1\n    port: 80\n    protocol: tcp\n    scheduler: rr\n    realServers:\n    - {address: 10.1.0.1, port: 80, weight: -1}",
            "t.yaml:10, document 1, items[0].spec.realServers[0].weight: -1 is not a weight (0…2147483647)"
        ),
    ])
    func aWrongFieldIsToldWithItsPlace(_ item: String, _ problem: String) {
        #expect(Self.problems(Self.head + item) == [problem])
    }

    @Test func everythingThatIsWrongIsToldAtOnce() {
        let item = "- spec: {address: x, port: 80, protocol: tcp, scheduler: rr}\n"
        #expect(Self.problems(Self.head + item + item).count == 2)
    }

    @Test func theSameTwiceIsRefused() {
        let item = "- spec: {address: 10.0.0.1, port: 80, protocol: tcp, scheduler: rr}\n"
        #expect(Self.problems(Self.head + item + item) == ["t.yaml:5, document 1, items[1].spec: tcp 10.0.0.1:80 stands in the file twice"])
    }

    /// A truncated file has been applied, and the table wiped, by others: an empty one is refused.
    @Test(arguments: ["", "\n", "---\n", "# nothing\n"]) func anEmptyFileIsNoEmptyTable(_ text: String) {
        #expect(Self.problems(text) == ["t.yaml: it holds no document; an empty table is written as items: []"])
    }

    @Test func aTruncatedFileIsRefused() throws {
        let whole =
            Self.head
            + "- spec:\n    address: 10.0.0.1\n    port: 80\n    protocol: tcp\n    scheduler: rr\n    realServers:\n    - address: 10.1.0.1\n      port: 80\n"
        #expect(Self.problems(whole) == [])
        // Cut behind a line that opens a mapping or list, or in the middle of one.
        for cut in ["items:", "spec:", "addr", "port: 80\n    proto", "schedul", "- address: 10.1.0.1\n"] {
            let range = try #require(whole.range(of: cut))
            #expect(!Self.problems(String(whole[..<range.upperBound])).isEmpty, "\(cut)")
        }
    }

    @Test func anotherKindIsRefused() {
        #expect(
            Self.problems("apiVersion: v1\nkind: Service\n") == [
                "t.yaml:2, document 1, kind: \"Service\" where VirtualServerList is wanted"
            ])
    }
}
