import Foundation

/// What kube-apiserver 1.36.2 has answered.
enum Fixture {
    struct Missing: Error {}

    static func path(_ name: String) throws -> String {
        guard let path = Bundle.module.path(forResource: "Fixtures/" + name, ofType: nil) else { throw Missing() }
        return path
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: try path(name)) else { throw Missing() }
        return Array(data)
    }

    static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    /// What follows the head of an answer.
    static func body(_ name: String) throws -> [UInt8] {
        let bytes = try bytes(name)
        for end in [[13, 10, 13, 10], [10, 10]] as [[UInt8]] {
            for index in bytes.indices where bytes[index...].starts(with: end) { return Array(bytes[(index + end.count)...]) }
        }
        throw Missing()
    }

    /// The objects of a list.
    static func items(_ name: String) throws -> [[UInt8]] {
        let document = try JSONSerialization.jsonObject(with: Data(try body(name))) as? [String: Any]
        return try (document?["items"] as? [Any] ?? []).map { Array(try JSONSerialization.data(withJSONObject: $0)) }
    }
}
