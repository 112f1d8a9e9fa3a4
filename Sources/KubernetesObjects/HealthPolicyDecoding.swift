import Addresses
package import HealthModel
import ServiceModel

/// Decodes the `spec` of a HealthPolicy, a kind of our own. What is not known there is an error: nobody else adds fields to it, and one that
/// is misspelt would be missed only when a backend dies.
package struct HealthPolicyDecoding {
    let name: String

    package init(name: String) { self.name = name }

    /// The lengths of time that make sense.
    static let intervals = Duration.milliseconds(100)...Duration.seconds(24 * 3600)
    static let upToADay = Duration.zero...Duration.seconds(24 * 3600)

    package func decode(_ spec: FieldReader) -> HealthPolicy? {
        guard let fields = spec.fields() else {
            if !spec.isPresent { spec.error("missing: what is checked, and how") }
            return nil
        }
        fields.refuseOthers(
            than: [
                "serviceSelector", "services", "check", "interval", "fastInterval", "timeout", "rise", "fall", "slowStart",
                "panicThreshold",
                "quorum", "sorryServer", "drain", "passive",
            ], in: "a HealthPolicy")
        var policy = HealthPolicy(name: name, selection: selection(fields))
        policy.check = HealthCheckDecoding.decode(fields["check"])
        policy.timing = timing(fields)
        if let rise = fields["rise"].integer(in: 1...100, "number of answers") { policy.rise = Int(rise) }
        if let fall = fields["fall"].integer(in: 1...100, "number of answers") { policy.fall = Int(fall) }
        if let slowStart = fields["slowStart"].duration(in: Self.upToADay) { policy.slowStart = slowStart }
        if let share = fields["panicThreshold"].integer(in: 0...100, "percentage") { policy.panicThreshold = Int(share) }
        policy.quorum = quorum(fields["quorum"])
        policy.sorryServer = sorryServer(fields["sorryServer"])
        policy.drain = drain(fields["drain"])
        policy.passive = passive(fields["passive"])
        return policy
    }

    private func selection(_ fields: Fields) -> HealthPolicy.Selection {
        let services = fields["services"]
        if let selector = fields["serviceSelector"].fields() {
            if services.isPresent { services.error("either services or serviceSelector, not both") }
            selector.refuseOthers(than: ["matchLabels"], in: "a serviceSelector")
            var labels: [String: String] = [:]
            for (name, value) in selector["matchLabels"].fields()?.all ?? [] {
                if !value.isPresent { value.error("null where a string is wanted") }
                labels[name] = value.string()
            }
            return .labels(labels)
        }
        guard services.isPresent else { return .named }
        var names: Set<String> = []
        for (text, reader) in services.strings() {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            // As everywhere, a name alone is one of the namespace default.
            let (namespace, name) = parts.count == 2 ? (parts[0], parts[1]) : ("default", text)
            let space = namespace == VirtualServerRequest.namespace ? nil : NameRule.label.fault(in: namespace)
            let rule = namespace == VirtualServerRequest.namespace ? NameRule.subdomain : .label
            if let fault = space ?? rule.fault(in: name) {
                reader.error("\"\(reader.shown(text))\" \(fault); a Service is named as namespace/name")
            } else {
                names.insert("\(namespace)/\(name)")
            }
        }
        return .services(names)
    }

    private func timing(_ fields: Fields) -> ProbeTiming {
        var timing = ProbeTiming()
        if let interval = fields["interval"].duration(in: Self.intervals) { timing.interval = interval }
        if let fast = fields["fastInterval"].duration(in: Self.intervals) {
            if fast > timing.interval { fields["fastInterval"].error("is longer than the interval") }
            timing.fastInterval = fast
        }
        if let timeout = fields["timeout"].duration(in: Duration.milliseconds(10)...Self.intervals.upperBound) {
            if timeout > timing.interval { fields["timeout"].error("is longer than the interval: a backend has one probe at a time") }
            timing.timeout = timeout
        } else {
            timing.timeout = min(timing.timeout, timing.interval)
        }
        return timing
    }

    private func quorum(_ reader: FieldReader) -> HealthPolicy.Quorum? {
        guard let fields = reader.fields() else { return nil }
        fields.refuseOthers(than: ["up", "down"], in: "a quorum")
        let weights: ClosedRange<Int64> = 1...Int64(Int32.max)
        guard let up = fields["up"].integer(in: weights, "sum of weights") else {
            if !fields["up"].isPresent { fields["up"].error("missing: the sum of healthy weights at which a Service serves") }
            return nil
        }
        let down = fields["down"].isPresent ? fields["down"].integer(in: weights, "sum of weights") : up
        guard let down else { return nil }
        if down > up { fields["down"].error("is more than up: a Service ceases to serve at fewer than it begins with") }
        return HealthPolicy.Quorum(up: Int(up), down: Int(down))
    }

    private func sorryServer(_ reader: FieldReader) -> HealthPolicy.SorryServer? {
        guard let fields = reader.fields() else { return nil }
        fields.refuseOthers(than: ["address", "port"], in: "a sorryServer")
        for name in ["address", "port"] where !fields[name].isPresent { fields[name].error("missing") }
        guard let text = fields["address"].string(), let port = fields["port"].port() else { return nil }
        guard let address = IPAddress(text), !address.isUnspecified, !address.isMulticast else {
            fields["address"].error("\"\(reader.shown(text))\" is not the address of a server")
            return nil
        }
        return HealthPolicy.SorryServer(address, port: port)
    }

    private func drain(_ reader: FieldReader) -> HealthPolicy.DrainPolicy {
        var drain = HealthPolicy.DrainPolicy()
        guard let fields = reader.fields() else { return drain }
        fields.refuseOthers(than: ["timeout", "waitFor"], in: "a drain")
        if let timeout = fields["timeout"].duration(in: Self.upToADay) { drain.timeout = timeout }
        if fields["waitFor"].isPresent {
            drain.waitFor = Set(fields["waitFor"].items().compactMap { $0.word(HealthPolicy.DrainPolicy.Remainder.self) })
        }
        return drain
    }

    private func passive(_ reader: FieldReader) -> HealthPolicy.PassiveDetection? {
        guard let fields = reader.fields() else { return nil }
        fields.refuseOthers(than: ["ejection", "longestEjection"], in: "passive detection")
        var passive = HealthPolicy.PassiveDetection()
        let range = Duration.seconds(1)...Self.upToADay.upperBound
        if let ejection = fields["ejection"].duration(in: range) {
            passive.ejection = ejection
            passive.longestEjection = max(ejection, passive.longestEjection)
        }
        if let longest = fields["longestEjection"].duration(in: range) {
            if longest < passive.ejection { fields["longestEjection"].error("is shorter than the first ejection") }
            passive.longestEjection = longest
        }
        return passive
    }
}

extension FieldReader {
    /// The value as a length of time within a range, as Go writes it: `1m30s`.
    package func duration(in range: ClosedRange<Duration>) -> Duration? {
        guard isPresent else { return nil }
        if case .integer(let number) = meaning {
            if number == 0, range.contains(.zero) { return .zero }
            error("\(number) is a number where a length of time is wanted: \(number)s, for seconds")
            return nil
        }
        guard let text = string() else { return nil }
        guard let duration = GoDuration.parse(text) else {
            error("\"\(shown(text))\" is not a length of time such as 30s, 1m30s or 500ms")
            return nil
        }
        guard range.contains(duration) else {
            error("\(shown(text)) is not within \(Self.words(range.lowerBound))…\(Self.words(range.upperBound))")
            return nil
        }
        return duration
    }

    private static func words(_ duration: Duration) -> String {
        let (seconds, rest) = duration.components
        if rest != 0 { return "\(duration / .milliseconds(1))".replacing(".0", with: "") + "ms" }
        return seconds >= 3600 && seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds)s"
    }

    func port() -> UInt16? { integer(in: 1...65535, "port number").map { UInt16($0) } }
}

extension Fields {
    /// Reports fields that are not among the known ones.
    func refuseOthers(than known: Set<String>, in what: String) {
        for (name, value) in all where !known.contains(name) {
            value.error("not a field of \(what), which has \(known.sorted().joined(separator: ", "))")
        }
    }
}
