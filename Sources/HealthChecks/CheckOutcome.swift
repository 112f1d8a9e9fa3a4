/// What one check came to.
enum CheckOutcome: Hashable, Sendable {
    case good
    /// With why: `connection refused`.
    case bad(String)
    /// This node could not ask, with why. That says nothing of the backend.
    case hindered(String)
}
