import HealthModel
import ServiceModel

/// The policies that are in force, and which of them is whose: named by annotation, then in a policy's list, then by its labels, then the
/// one for all.
struct PolicyBook {
    private var policies: [String: HealthPolicy] = [:]
    /// By the Service's name; of several policies that list it, the first by name.
    private var listed: [String: String] = [:]
    /// Those that choose by labels, in the order of their names.
    private var choosing: [(name: String, labels: [String: String])] = []
    /// The policy of Services that no other chooses; nil for none.
    let standard: String?

    init(standard: String? = nil) { self.standard = standard }

    /// Puts these in the place of all that there were, and returns the names of those that are not as they were.
    mutating func replace(_ new: [HealthPolicy]) -> Set<String> {
        let old = policies
        policies = Dictionary(new.map { ($0.name, $0) }) { first, _ in first }
        (listed, choosing) = ([:], [])
        for policy in policies.values.sorted(by: { $0.name < $1.name }) {
            switch policy.selection {
            case .named: break
            case .services(let names): for name in names where listed[name] == nil { listed[name] = policy.name }
            case .labels(let labels): choosing.append((policy.name, labels))
            }
        }
        return Set(old.keys).union(policies.keys).filter { old[$0] != policies[$0] }
    }

    /// Their names in order.
    var names: [String] { policies.keys.sorted() }

    subscript(name: String) -> HealthPolicy? { policies[name] }

    /// The policy of a Service, which may name one.
    func policy(of service: Service, named: String?) -> HealthPolicy? {
        if let named, let policy = policies[named] { return policy }
        guard !policies.isEmpty else { return nil }
        if let policy = listed[service.name.description].flatMap({ policies[$0] }) { return policy }
        let chosen = choosing.first { $0.labels.allSatisfy { service.labels[$0.key] == $0.value } }
        return (chosen?.name ?? standard).flatMap { policies[$0] }
    }
}
