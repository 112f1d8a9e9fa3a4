import Foundation
import ServiceModel
import TestSupport
import Testing

@testable import KubernetesSource

/// Bytes of answers, in whatever portions they come.
@Suite struct SplittingTests {
    private static func portions(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [[UInt8]] {
        var rest = bytes[...]
        var result: [[UInt8]] = []
        while !rest.isEmpty {
            let count = Int.random(in: 1...[1, 7, 100, 5000][Int.random(in: 0..<4, using: &generator)], using: &generator)
            result.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return result
    }

    @Test(arguments: 0..<40) func aRealListComesApartInAnyPortions(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let body = try Fixture.body("list-page-\(seed % 2 + 1).http")
        var splitter = JSONSplitter(fields: ["metadata"], elementsOf: "items", maximum: 1 << 20)
        var items: [[UInt8]] = []
        var fields: [String] = []
        for portion in Self.portions(body, &generator) {
            try splitter.take(portion) { part in
                switch part {
                case .element(let bytes): items.append(bytes)
                case .field(let name, _): fields.append(name)
                case .giantElement: Issue.record("none is giant")
                }
            }
        }
        #expect(splitter.isComplete && fields == ["metadata"] && items.count == 2)
        let names = items.map { ObjectIdentity($0).name }
        #expect(names == (seed % 2 == 0 ? ["kubernetes", "pd"] : ["page-1", "page-2"]))
    }

    @Test(arguments: [
        ("{}", [], true), (" { \"items\" : [ ] } ", [], true), ("{\"items\":null,\"a\":1}", [], true),
        ("{\"items\":[1,\"a,]}\\\"\",{\"b\":[2]},true]}", ["1", "\"a,]}\\\"\"", "{\"b\":[2]}", "true"], true),
        ("{\"x\":{\"items\":[9]},\"items\":[8]}", ["8"], true), ("{\"items\":[1", [], false),
        ("{\"items\":[{\"a\":1}", ["{\"a\":1}"], false),
    ])
    func elementsAreFound(_ text: String, _ elements: [String], _ isComplete: Bool) throws {
        for size in [1, 2, 1000] {
            var splitter = JSONSplitter(fields: [], elementsOf: "items", maximum: 1000)
            var found: [String] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                try splitter.take(Array(rest.prefix(size))) { part in
                    if case .element(let bytes) = part { found.append(String(decoding: bytes, as: UTF8.self)) }
                }
                rest = rest.dropFirst(size)
            }
            #expect(found == elements && splitter.isComplete == isComplete, "\(size) at a time")
        }
    }

    @Test(arguments: ["[]", "x", "{]", "{\"a\" 1}", "{\"items\":[,]}", "{\"a\":1 2}", "{}{}", "{\"a\":}"])
    func whatIsNoObjectIsRefused(_ text: String) {
        #expect(throws: JSONSplitter.Malformed.self) {
            var splitter = JSONSplitter(fields: ["a"], elementsOf: "items", maximum: 1000)
            try splitter.take(Array(text.utf8)) { _ in }
        }
    }

    @Test func aGiantElementHarmsNoOther() throws {
        let giant = "{\"metadata\":{\"name\":\"giant\",\"namespace\":\"a\"},\"spec\":\"\(String(repeating: "x", count: 100_000))\"}"
        let text = "{\"items\":[{\"metadata\":{\"name\":\"small\"}},\(giant),{\"metadata\":{\"name\":\"last\"}}]}"
        var splitter = JSONSplitter(fields: [], elementsOf: "items", maximum: 1000, kept: 200)
        var names: [String] = []
        for start in stride(from: 0, to: text.utf8.count, by: 777) {
            try splitter.take(Array(text.utf8.dropFirst(start).prefix(777))) { part in
                switch part {
                case .element(let bytes): names.append(ObjectIdentity(bytes).name)
                case .giantElement(let beginning):
                    #expect(beginning.count == 200)
                    names.append("giant: \(ObjectIdentity(beginning).objectName?.description ?? "")")
                case .field: break
                }
            }
        }
        #expect(splitter.isComplete && names == ["small", "giant: a/giant", "last"])
    }

    @Test(arguments: 0..<40) func realWatchesComeApartInAnyPortions(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = try Fixture.bytes(seed % 2 == 0 ? "services.watch.jsonl" : "endpointslices.watch.jsonl")
        var framer = LineFramer(maximum: 1 << 20)
        var lines = 0
        for portion in Self.portions(bytes, &generator) {
            framer.take(portion) { line in
                lines += 1
                let event = WatchEvent(line)
                #expect(event != nil && event?.type != .unknown)
                #expect(event.map { !ObjectIdentity($0.object.bytes).resourceVersion.isEmpty } == true)
            }
        }
        #expect(lines == bytes.count { $0 == 0x0a } && !framer.isInside)
    }

    @Test func aGiantLineIsCutAndNamed() {
        var framer = LineFramer(maximum: 1000, kept: 300)
        var seen: [String] = []
        let giant =
            "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Service\",\"metadata\":{\"name\":\"big\",\"namespace\":\"a\",\"resourceVersion\":\"9\"}"
            + ",\"x\":\"\(String(repeating: "y", count: 100_000))\"}}\n"
        let small = "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"small\",\"resourceVersion\":\"10\"}}}\n\n"
        let bytes = Array((giant + small).utf8)
        for start in stride(from: 0, to: bytes.count, by: 64) {
            framer.take(Array(bytes[start..<min(start + 64, bytes.count)])) { line in
                guard let event = WatchEvent(line) else {
                    seen.append("no event")
                    return
                }
                let identity = ObjectIdentity(event.object.bytes)
                seen.append("\(event.type) \(identity.name) \(identity.resourceVersion)")
            }
        }
        #expect(seen == ["modified big 9", "deleted small 10"] && !framer.isInside)
    }

    @Test(arguments: 0..<300) func mutatedBytesHarmNobody(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let list = generator.mutated(try Fixture.body("list-page-1.http"))
        var splitter = JSONSplitter(fields: ["metadata"], elementsOf: "items", maximum: 1 << 16)
        try? splitter.take(list) { part in
            if case .element(let bytes) = part { _ = ObjectReading.read(.whole(bytes), .service) }
        }
        let watch = generator.mutated(try Fixture.bytes("endpointslices.watch.jsonl"))
        var framer = LineFramer(maximum: 1 << 16)
        framer.take(watch) { line in
            guard let event = WatchEvent(line) else { return }
            _ = ObjectReading.read(event.object, .endpointSlice)
        }
    }

    @Test func identitiesAreFoundWhereverTheyStand() {
        func identity(_ text: String) -> ObjectIdentity { ObjectIdentity(Array(text.utf8)) }
        let full = identity(
            """
            {"spec":{"name":"no","metadata":{"name":"no"}},"metadata":{"labels":{"name":"no","uid":"no"},
            "ownerReferences":[{"name":"no","uid":"no"}],"name":"web","namespace":"a","uid":"u","resourceVersion":"9"}}
            """)
        #expect(full.objectName == ObjectName(namespace: "a", name: "web") && full.uid == "u" && full.resourceVersion == "9")
        #expect(identity("{\"metadata\":{\"name\":\"web\",\"namespa").name == "web")
        #expect(identity("{\"metadata\":{\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}").endsInitialEvents)
        #expect(!identity("{\"metadata\":{\"labels\":{\"k8s.io/initial-events-end\":\"true\"}}}").endsInitialEvents)
        for text in ["", "{", "[]", "{\"metadata\":", "\"", "{\"metadata\":{\"name\":3}}"] {
            #expect(identity(text).objectName == nil, "\(text)")
        }
    }
}
