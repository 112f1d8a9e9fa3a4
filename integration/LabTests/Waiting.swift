/// Something of the laboratory that did not come about: the rest of a test would mean nothing.
struct LabFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// How many times as long as on a quiet machine a test waits before it gives up. No limit here proves that something is
/// fast: a test that shows that something happens at once shuts out what would bring it later.
let patience = 8

/// Asks again and again until the condition holds, and returns how long that took. Throws where it does not in ``patience``
/// times what a quiet machine may need, the limit.
@discardableResult
@MainActor func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: () async throws -> Bool
) async throws -> Duration {
    let start = ContinuousClock.now
    while try await !condition() {
        guard ContinuousClock.now - start < limit * patience else { throw LabFailure("not within \(limit * patience): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
    return ContinuousClock.now - start
}
