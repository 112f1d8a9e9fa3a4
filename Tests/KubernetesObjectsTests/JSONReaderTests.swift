import TestSupport
import Testing

@testable import KubernetesObjects

@Suite struct JSONReaderTests {
    /// The document written again, without blanks, keys in their order.
    private func written(_ node: DocumentNode) -> String {
        switch node.kind {
        case .sequence: return "[" + node.items.map(written).joined(separator: ",") + "]"
        case .scalar: return node.meaning == .string ? "\"\(node.text)\"" : node.text
        case .mapping:
            let report = ObjectReport(.server("test"), budget: WorkBudget(byteCount: 1 << 20))
            let fields = FieldReader(object: node, report: report).fields()
            return "{" + (fields?.all ?? []).map { "\"\($0.name)\":\($0.value.node.map(written) ?? "")" }.joined(separator: ",") + "}"
        }
    }

    @Test(arguments: [
        ("{}", "{}"), (" [ ] \n", "[]"), ("null", "null"), ("\t-0.5e+3 ", "-0.5e+3"), ("\"\"", "\"\""),
        (#"{"a": [1, {"b": true}, "x"], "c": {}}"#, #"{"a":[1,{"b":true},"x"],"c":{}}"#),
        (#"["a\"\\\/\b\f\n\r\tz", "b"]"#, "[\"a\"\\/\u{8}\u{c}\n\r\tz\",\"b\"]"),
        (#"["\u00e9\u20AC\ud83d\ude00"]"#, "[\"é€😀\"]"),
        // Half of a pair, alone, before another escape, and before what is no second half.
        (#"["\ud83d", "\ud83d\n", "\ud83d\u0041", "\ude00x"]"#, "[\"\u{fffd}\",\"\u{fffd}\n\",\"\u{fffd}A\",\"\u{fffd}x\"]"),
        (#"{"<<": {"a": 1}}"#, #"{"<<":{"a":1}}"#),
        (#"["null", "1", "true", "~"]"#, #"["null","1","true","~"]"#),
    ]) func documentsAreRead(text: String, meaning: String) throws {
        let node = try DocumentNode(json: Array(text.utf8))
        #expect(written(node) == meaning)
    }

    @Test func linesAreCounted() throws {
        let node = try DocumentNode(json: Array("{\"a\\n\":\n [1,\r\n2,\n\n{}]}".utf8))
        let report = ObjectReport(.server("test"), budget: WorkBudget(byteCount: 100))
        let items = FieldReader(object: node, report: report).fields()?["a\n"].items()
        #expect(items?.map(\.line) == [2, 3, 5])
    }

    @Test(arguments: [
        ("", 0, 1, 1, "the text ends where a value is wanted"),
        ("{\"a\":\n  tru}", 8, 2, 3, "no value begins like this"),
        ("[1,]", 3, 1, 4, "no value begins like this"),
        ("[1 2]", 3, 1, 4, "neither a comma nor the end of a list"),
        ("{\"a\":1,}", 7, 1, 8, "a key in quotes is wanted"),
        ("{a:1}", 1, 1, 2, "a key in quotes is wanted"),
        ("{\"a\" 1}", 5, 1, 6, "a colon is wanted after a key"),
        ("{\"a\":1]", 6, 1, 7, "neither a comma nor the end of an object"),
        ("[[\n[", 4, 2, 2, "the text ends within a list"),
        ("{} {}", 3, 1, 4, "something follows the document"),
        ("\"a", 2, 1, 3, "the text ends within a string"),
        ("\"\\", 2, 1, 3, "the text ends within a string"),
        ("\"a\nb\"", 2, 1, 3, "a control character stands in a string"),
        ("\"\\q\"", 1, 1, 2, "no such escape"),
        ("\"\\u00g0\"", 5, 1, 6, "four hexadecimal digits are wanted after \\u"),
        ("01", 1, 1, 2, "something follows the document"),
        ("-", 1, 1, 2, "a digit is wanted in a number"),
        ("1.e3", 2, 1, 3, "a digit is wanted in a number"),
        ("NaN", 0, 1, 1, "no value begins like this"),
        ("{\"a\":1,\n\"b\":2,\n\"a\":3}", 21, 1, 1, "the key \"a\" is given twice"),
        ("\u{feff}{}", 0, 1, 1, "no value begins like this"),
    ]) func faultsArePlaced(text: String, offset: Int, line: Int, column: Int, message: String) {
        #expect(throws: JSONFault(message: message, offset: offset, line: line, column: column)) {
            _ = try DocumentNode(json: Array(text.utf8))
        }
    }

    @Test func invalidUTF8IsRefused() {
        #expect(throws: JSONFault(message: "the text is not UTF-8", offset: 2, line: 1, column: 3)) {
            _ = try DocumentNode(json: [0x5b, 0x22, 0xff, 0x22, 0x5d])
        }
    }

    @Test func keysGivenTwiceAreFoundAmongMany() {
        let pairs = (0..<100).map { "\"k\($0)\":0" } + ["\"k7\":1", "\"k3\":1"]
        #expect { _ = try DocumentNode(json: Array("{\(pairs.joined(separator: ","))}".utf8)) } throws: { error in
            (error as? JSONFault)?.message == "the key \"k3\", \"k7\" is given twice"
        }
    }

    @Test(arguments: ["[", "{\"a\":"]) func depthIsBounded(opening: String) {
        let closing = opening == "[" ? "]" : "}"
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth)).utf8)
        }
        #expect(throws: Never.self) { _ = try DocumentNode(json: nested(DocumentNode.maximumDepth)) }
        #expect { _ = try DocumentNode(json: nested(DocumentNode.maximumDepth + 1)) } throws: { error in
            (error as? JSONFault)?.message == "nested deeper than 1000 levels"
        }
    }

    @Test func tensOfThousandsOfKeysAreRead() throws {
        let text = "{" + (0..<50_000).map { "\"key-\($0)\":\($0)" }.joined(separator: ",") + "}"
        #expect(try DocumentNode(json: Array(text.utf8)).count == 50_000)
    }

    /// Whatever bytes come, reading ends, and a fault lies within them.
    @Test func mutatedDocumentsNeverCrash() {
        var random = SeededGenerator(seed: 0x150d)
        let seed = Array(#"{"a":[1,-2.5e3,{"b":"\ud83d\ude00\n"},true,null,"é"],"c":{"d":"e"}}"#.utf8)
        let pieces = ["\\u", "\\", "\"", "{", "}", "[", "]", ",", ":", "\n", "1e", "-", "\\ud800", "null"]
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0...(random.next() % 3) {
                let at = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(at..<min(bytes.count - 1, at + Int(random.next() % 9)).clamped(above: at))
                default: bytes.insert(contentsOf: Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8), at: at)
                }
            }
            do throws(JSONFault) {
                _ = written(try DocumentNode(json: bytes))
            } catch {
                #expect(error.offset <= bytes.count && error.line >= 1 && error.column >= 1)
            }
        }
    }
}

extension Int {
    func clamped(above least: Int) -> Int { Swift.max(self, least) }
}
