import Foundation

/// A place for a test's own files, which is gone with it. It is not made yet: what is tested may do that itself.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init(_ name: String) { path = FileManager.default.temporaryDirectory.path + "/\(name)-\(UUID().uuidString)" }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
