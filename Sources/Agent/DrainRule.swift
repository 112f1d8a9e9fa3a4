import HealthModel

/// How real servers that go are let go.
struct DrainRule: Equatable, Sendable {
    /// The longest that connections are waited for. Zero: not at all.
    var timeout: Duration
    /// What has to come to zero before that.
    var waitFor: Set<HealthPolicy.DrainPolicy.Remainder> = [.active]

    init(timeout: Duration) { self.timeout = timeout }

    /// What a Service's policy and annotation say; nil where neither does.
    init?(policy: HealthPolicy.DrainPolicy?, timeout: Duration?) {
        guard policy != nil || timeout != nil else { return nil }
        self.timeout = timeout ?? policy?.timeout ?? .zero
        waitFor = policy?.waitFor ?? [.active]
    }
}
