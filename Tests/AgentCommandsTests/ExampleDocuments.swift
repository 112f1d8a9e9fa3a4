import Foundation
import Testing

@testable import KubernetesObjects
@testable import ManifestSource

/// The files of `examples/kubernetes`, read with the reader that the agent itself has.
enum ExampleDocuments {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../examples/kubernetes")

    static var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }.sorted() }
    }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: name))) }

    /// The documents of a file; nothing where it is no YAML.
    static func read(_ name: String) throws -> [ExampleValue] {
        var documents: [ExampleValue] = []
        try YAMLDocuments.forEach(in: try bytes(name)) { documents.append(ExampleValue($0)) }
        return documents
    }

    /// The document of that kind.
    static func read(_ name: String, kind: String) throws -> ExampleValue {
        try #require(try read(name).first { $0["kind"].text == kind }, "\(name) has no \(kind)")
    }
}

/// A value of a document: what is not there is empty.
struct ExampleValue: Equatable {
    var text: String?
    var items: [ExampleValue] = []
    var fields: [String: ExampleValue] = [:]

    init() {}

    init(_ node: DocumentNode) {
        switch node.kind {
        case .scalar: text = node.text
        case .sequence: items = node.items.map { ExampleValue($0) }
        case .mapping: node.forEachPair { fields[$0.text] = ExampleValue($1) }
        }
    }

    subscript(_ key: String) -> ExampleValue { fields[key] ?? ExampleValue() }

    var texts: [String] { items.compactMap(\.text) }

    /// The item of a list that has this name.
    func named(_ name: String) -> ExampleValue { items.first { $0["name"].text == name } ?? ExampleValue() }
}
