/// Something of the laboratory that did not come about: the rest of a test would mean nothing.
struct LabFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Asks again and again until the condition holds, and returns how long that took. Throws where it does not in time.
@discardableResult
@MainActor func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: () async throws -> Bool
) async throws -> Duration {
    let start = ContinuousClock.now
    while try await !condition() {
        guard ContinuousClock.now - start < limit else { throw LabFailure("not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
    return ContinuousClock.now - start
}
