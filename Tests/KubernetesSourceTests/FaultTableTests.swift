import Foundation
import Testing

/// What `docs/kubernetes.md` says to be shown by a test has one.
@Suite struct FaultTableTests {
    @Test func everyTestThatIsNamedIsThere() throws {
        let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let text = try String(contentsOf: package.appending(path: "docs/kubernetes.md"), encoding: .utf8)
        let section = try #require(text.split(separator: "## ").first { $0.hasPrefix("What each fault does") })
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(2)
        #expect(rows.count > 30)
        var tests: Set<String> = []
        for folder in ["Tests/KubernetesSourceTests", "integration/LabTests"] {
            let path = package.appending(path: folder)
            for file in try FileManager.default.contentsOfDirectory(atPath: path.path) where file.hasSuffix(".swift") {
                let code = try String(contentsOf: path.appending(path: file), encoding: .utf8)
                tests.formUnion(code.matches(of: #/@Test[^\n]*?func (\w+)\(|\n    +func (\w+)\(/#).map { String($0.1 ?? $0.2 ?? "") })
            }
        }
        for row in rows {
            let names = (row.split(separator: "|").last ?? "").matches(of: #/`(\w+)`/#).map { String($0.1) }
            #expect(!names.isEmpty, "nothing shows: \(row)")
            for name in names { #expect(tests.contains(name), "no test \(name)") }
        }
    }
}
