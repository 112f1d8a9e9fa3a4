/// What is said of backends by hand, and who may be asked to take it down.
package protocol AgentAdministration: Sendable {
    /// All that is in force.
    func hands() -> HandStateList

    /// Has something be in force, and remembered, before it returns.
    func set(_ scope: String, _ key: String, _ request: HandRequest) throws(AdministrationFailure) -> HandReport

    /// Takes something back; nil where nothing was said.
    func clear(_ scope: String, _ key: String) throws(AdministrationFailure) -> HandReport?
}

/// What is asked for with `PUT /v1/admin/{scope}/{key}`.
package struct HandRequest: Hashable, Sendable, Codable {
    /// `ready`, `drain`, `maintenance` or `weight`.
    package var state: String
    /// With `weight`: what it is to be instead of what is configured.
    package var weight: Int32?
    /// With `weight`: within how many seconds it is reached; at once where that is missing.
    package var over: Double?
    package var reason: String?
    package var owner: String?
    /// When it ends by itself.
    package var expires: Moment?

    package init(
        state: String, weight: Int32? = nil, over: Double? = nil, reason: String? = nil, owner: String? = nil, expires: Moment? = nil
    ) {
        self.state = state
        self.weight = weight
        self.over = over
        self.reason = reason
        self.owner = owner
        self.expires = expires
    }

    /// A field that is not known is refused: whoever misspells `expires` means something else than for ever.
    package init(from decoder: any Decoder) throws {
        struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        let known = Set([CodingKeys.state, .weight, .over, .reason, .owner, .expires].map(\.stringValue))
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "\"\(key.stringValue.prefix(100))\" is not known"))
        }
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        state = try fields.decode(String.self, forKey: .state)
        weight = try fields.decodeIfPresent(Int32.self, forKey: .weight)
        over = try fields.decodeIfPresent(Double.self, forKey: .over)
        reason = try fields.decodeIfPresent(String.self, forKey: .reason)
        owner = try fields.decodeIfPresent(String.self, forKey: .owner)
        expires = try fields.decodeIfPresent(Moment.self, forKey: .expires)
    }

    private enum CodingKeys: String, CodingKey {
        case state, weight, over, reason, owner, expires
    }

    /// The longest text of a reason or an owner, in bytes.
    package static let longestText = 256
    /// As annotations may say at most.
    package static let largestWeight: Int32 = 65_535
    /// The longest time in which a weight may be reached, in seconds.
    package static let longestRamp: Double = 7 * 24 * 3600
}

/// Something that is said by hand, and is in force.
package struct HandReport: Hashable, Sendable, Codable {
    /// `endpoint`, `address` or `service`.
    package var scope: String
    /// `default/web/10.244.0.2:8080`, `10.244.0.2`, `default/web`.
    package var key: String
    package var state: String
    /// With `weight`: what it is to be, in how many seconds from `since` on, and from which weight where that is not the configured one.
    package var weight: Int32?
    package var over: Double?
    package var from: Double?
    /// What it has come to, where that can be told without the Service.
    package var reached: Double?
    package var reason: String?
    package var owner: String?
    package var since: Moment
    package var expires: Moment?

    package init(
        scope: String, key: String, state: String, weight: Int32? = nil, over: Double? = nil, from: Double? = nil, reached: Double? = nil,
        reason: String? = nil, owner: String? = nil, since: Moment, expires: Moment? = nil
    ) {
        self.scope = scope
        self.key = key
        self.state = state
        self.weight = weight
        self.over = over
        self.from = from
        self.reached = reached
        self.reason = reason
        self.owner = owner
        self.since = since
        self.expires = expires
    }
}

/// All of it: what `GET /v1/admin` answers, and what the file holds.
package struct HandStateList: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "HandStateList"
    /// By scope and key.
    package var items: [HandReport]

    package init(_ items: [HandReport]) { self.items = items.sorted { ($0.scope, $0.key) < ($1.scope, $1.key) } }
}

/// Why something was not taken down.
package enum AdministrationFailure: Error, Hashable, Sendable {
    /// The request says something that cannot be: what, and what can.
    case invalid(String, remedy: String)
    /// It could not be remembered, so it is not in force either.
    case notRemembered(String)
    /// There is too much of it already.
    case tooMany(Int)
}
