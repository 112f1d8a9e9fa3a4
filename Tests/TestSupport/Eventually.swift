import Testing

/// Waits until something is so. The limit only ends a test that would hang: no working machine comes near it, and nothing is measured.
package func eventually(
    _ what: String = "what was expected", within limit: Duration = .seconds(300), isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NotReached(description: "\(what) did not happen in time") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

package struct NotReached: Error, CustomStringConvertible { package var description: String }
