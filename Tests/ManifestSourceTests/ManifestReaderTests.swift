import Addresses
import Foundation
import ManifestSource
import ServiceModel
import TestSupport
import Testing

@Suite struct ManifestReaderTests {
    let reader = ManifestReader()
    static let good = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n"

    @Test func documentsAndListsAreRead() {
        let text = """
            # generated
            ---
            \(Self.good)---
            ---
            apiVersion: v1
            kind: List
            metadata: {resourceVersion: ""}
            items:
            - apiVersion: v1
              kind: Service
              metadata: {name: a}
              spec: {clusterIP: 10.0.0.2, ports: [{port: 80}]}
            - apiVersion: v1
              kind: Service
              metadata: {name: b}
              spec: {clusterIP: 10.0.0.3, ports: [{port: 0}]}
            - {apiVersion: v1, kind: Pod, metadata: {name: p}}
            ...
            ---
            {"apiVersion":"v1","kind":"ServiceList","items":[{"metadata":{"name":"c"},"spec":{"clusterIP":"None"}}]}
            """
        let contents = reader.read(text, file: "all.yaml")
        #expect(
            contents.entries.map { $0.key?.description } == [
                "Service default/web", "Service default/a", "Service default/b", "Service default/c",
            ])
        #expect(contents.entries.map { $0.object == nil } == [false, false, true, false])
        #expect(
            contents.entries.map(\.place) == [
                "all.yaml:3, document 1", "all.yaml:13, document 3", "all.yaml:17, document 3", "all.yaml:24, document 4",
            ])
        #expect(
            contents.problems.map(\.description) == [
                "all.yaml:20, document 3, Service default/b, spec.ports[0].port: 0 is not a port number (1…65535)",
                "all.yaml: 1 object is ignored: Pod (v1) is not a kind that is read here",
            ])
        #expect(contents.problems.map(\.isError) == [true, false])
    }

    @Test(arguments: [
        ("apiVersion: v1\nmetadata: {}", "web.yaml:1, document 1, kind: missing: what kind of object this is"),
        ("kind: Service", "web.yaml:1, document 1, apiVersion: missing: v1 for a Service"),
        ("hello", "web.yaml:1, document 1: \"hello\" is a string where a mapping is wanted"),
        ("- 1", "web.yaml:1, document 1: a list stands where a mapping is wanted"),
        ("kind: Service\napiVersion: v1", "web.yaml:1, document 1, metadata: missing: an object needs metadata.name"),
        ("kind: List\napiVersion: v1\nitems: [{kind: List, apiVersion: v1}]", "web.yaml:3, document 1: a List inside a list"),
        ("kind: List\napiVersion: v1\nitems: [null]", "web.yaml:3, document 1: an empty item"),
        ("kind: List\napiVersion: v1\nitems: {}", "web.yaml:3, document 1, items: a mapping stands where a list is wanted"),
        (
            "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1beta1",
            "web.yaml: 1 object is ignored: EndpointSlice (discovery.k8s.io/v1beta1) is not a kind that is read here"
        ),
    ]) func documentsThatAreNone(text: String, message: String) {
        #expect(reader.problems(text) == [message])
    }

    static let last = "; the file's last good contents stay"

    @Test(arguments: [
        (
            "a: [1\nb: 2",
            "web.yaml:2: not readable as YAML: while parsing a flow sequence begun in line 1: did not find expected ',' or ']', column 2"
        ),
        (
            "a: 1\nb:\n\t- 2",
            "web.yaml:3: not readable as YAML: while scanning for the next token begun in line 3: found character that cannot start any token, column 1"
        ),
        ("a: 1\nb: 2\na: 3", "web.yaml:1: the key \"a\" is given twice"),
        ("a: *b", "web.yaml:1: not readable as YAML: found undefined alias, column 4"),
        ("a: 1\nb: \"\u{0}\"", "web.yaml:2: not readable as YAML: control characters are not allowed"),
    ]) func aFileThatIsNotYAML(text: String, message: String) {
        let contents = reader.read(text, file: "web.yaml")
        #expect(contents.problems.map(\.description) == [message + Self.last])
        #expect(!contents.isWellFormed)
    }

    @Test func invalidUTF8IsPlaced() {
        let contents = reader.read(Array("a: 1\nb: ".utf8) + [0xff, 0x0a], file: "web.yaml")
        #expect(contents.problems.map(\.description) == ["web.yaml:2: the text is not UTF-8" + Self.last])
    }

    @Test(arguments: ["[", "{", "{a: ", "- ", "? ", "[{a: "]) func deepNestingIsRefused(opening: String) {
        let contents = reader.read(String(repeating: opening, count: 100_000), file: "deep.yaml")
        #expect(!contents.isWellFormed)
        #expect(contents.problems.count == 1)
    }

    @Test func nestingUpToTheParsersBoundIsRead() {
        // As a thread with a small stack would see it.
        let text = "kind: X\napiVersion: v1\na: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(reader.read(text, file: "x").isWellFormed)
    }

    @Test(.timeLimit(.minutes(15))) func aliasBombsAreRefused() {
        var values = "a0: &a0 {kind: Service, apiVersion: v1}\n"
        for level in 1...30 {
            values += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        // Not followed by the reader: harmless.
        #expect(reader.read(values + "kind: X\napiVersion: v1\n", file: "x").isWellFormed)
        // The same as a key, into which nothing may look.
        #expect(reader.problems(values + "? *a30\n: 1\n").first?.contains("a mapping key that is not plain text") == true)
        #expect(reader.problems(values + "*a30 : 1\n").first?.contains("a mapping key that is not plain text") == true)
        #expect(reader.problems(values + "? {[*a30]: 1}\n: 1\n").first?.contains("a mapping key that is not plain text") == true)
        // One slice, ten thousand times.
        var list = "apiVersion: v1\nkind: List\nitems:\n- &s\n  apiVersion: discovery.k8s.io/v1\n  kind: EndpointSlice\n"
        list += "  metadata: {name: a, labels: {kubernetes.io/service-name: a}}\n  addressType: IPv4\n  endpoints:\n"
        list += "  - &e {addresses: [10.0.0.1]}\n" + String(repeating: "  - *e\n", count: 900) + String(repeating: "- *s\n", count: 500)
        #expect(reader.problems(list) == ["web.yaml:1: its aliases expand to more than this file may hold" + Self.last])
    }

    @Test func anchorsAndMergeKeysWork() {
        let text = """
            apiVersion: v1
            kind: List
            items:
            - &web
              apiVersion: v1
              kind: Service
              metadata: {name: a}
              spec: &spec {clusterIP: 10.0.0.1, ports: &ports [{port: 80}]}
            - <<: *web
              metadata: {name: b}
              spec: {<<: *spec, clusterIP: 10.0.0.2}
            """
        #expect(reader.problems(text) == [])
        #expect(reader.objects(text).map(\.key.description) == ["Service default/a", "Service default/b"])
        guard case .service(let service)? = reader.objects(text).last else { return }
        #expect(service.clusterAddresses.map(\.description) == ["10.0.0.2"])
        #expect(service.ports == [ServicePort(port: 80)])
    }

    @Test(arguments: ["\u{feff}" + good, good.replacing("\n", with: "\r\n"), good + "...\n", "%YAML 1.1\n---\n" + good])
    func otherTextFormsAreRead(text: String) {
        #expect(reader.problems(text) == [])
        #expect(reader.objects(text).count == 1)
    }

    static let recordings = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Recordings")

    /// Objects as they were given to a kube-apiserver, with what kube-proxy made of them beside them.
    static let recorded =
        (try? FileManager.default.contentsOfDirectory(atPath: recordings.path))?
        .filter { $0.hasSuffix(".json") && !$0.hasSuffix(".state.json") } ?? []

    @Test func recordingsAreThere() { #expect(Self.recorded.count >= 10) }

    @Test(arguments: recorded) func recordingsHaveNoProblems(file: String) throws {
        let data = try Data(contentsOf: Self.recordings.appending(path: file))
        let contents = reader.read([UInt8](data), file: file)
        #expect(contents.problems == [])
        #expect(contents.entries.count >= 2)
    }

    /// Objects as an API server serves them, managed fields and all.
    @Test(arguments: ["services.watch.jsonl", "endpointslices.watch.jsonl"]) func watchedObjectsAreRead(file: String) throws {
        let text = try String(contentsOf: Self.recordings.appending(path: "apiserver").appending(path: file), encoding: .utf8)
        var count = 0
        for line in text.split(separator: "\n") where !line.contains("\"BOOKMARK\"") {
            // The event is a mapping with the object under "object"; that is the rest of the line.
            guard let start = line.range(of: "\"object\":") else { continue }
            let contents = reader.read(String(line[start.upperBound...].dropLast()), file: file)
            #expect(contents.problems.filter(\.isError) == [])
            count += contents.entries.count
        }
        #expect(count > 5)
    }

    /// Whatever a text says, reading it ends, and says something that holds together.
    @Test(.timeLimit(.minutes(15))) func mutatedDocumentsNeverCrash() throws {
        var random = SeededGenerator(seed: 0x5eed)
        var seeds = try Self.recorded.sorted().map { [UInt8](try Data(contentsOf: Self.recordings.appending(path: $0))) }
        seeds.append(
            Array(
                (Self.good + "---\n" + slice("addressType: IPv4\nports: [{name: a, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]")).utf8))
        let pieces = [
            "null", "*a", "&a ", "<<: *a\n", "- ", "{", "}", "[", "]", ": ", "\n", "\t", "---\n", "? ", "!!binary ", "\"", "'", "|\n",
            "99999999999999999999", "\u{0}", "é", "true", "~",
        ]
        for _ in 0..<1500 {
            var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
            for _ in 0...(random.next() % 4) {
                let at = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 4 {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(at..<min(bytes.count - 1, at + Int(random.next() % 40)).clamped(above: at))
                case 2: bytes.insert(contentsOf: Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8), at: at)
                default:
                    bytes.replaceSubrange(
                        at..<min(bytes.count, at + 4), with: Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8))
                }
            }
            let contents = reader.read(bytes, file: "m.yaml")
            #expect(contents.isWellFormed || !contents.problems.isEmpty)
            #expect(contents.entries.allSatisfy { $0.object == nil || $0.object?.key == $0.key })
            if contents.entries.contains(where: { $0.object == nil }) { #expect(contents.problems.contains { $0.isError }) }
        }
    }
}

extension Int {
    func clamped(above least: Int) -> Int { Swift.max(self, least) }
}
