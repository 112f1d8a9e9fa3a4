/// The first of many things, and how many they are.
package struct Listing<Item: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    /// The most that are shown.
    package static var limit: Int { 100 }

    /// How many there are; more than `items` where not all are shown.
    package var count: Int
    package var items: [Item]

    package init() { (count, items) = (0, []) }

    /// Those shown, and how many there are.
    package init(_ items: some Sequence<Item>, count: Int) {
        self.items = Array(items.prefix(Self.limit))
        self.count = max(count, self.items.count)
    }

    package init(_ items: some Collection<Item>) { self.init(items, count: items.count) }
}

/// An operation that failed when it was last tried.
package struct FailingOperation: Hashable, Sendable, Codable {
    /// As `plan` prints it: `add virtual server tcp 10.96.0.10:53 twos`.
    package var operation: String
    /// `privilege`, `missingFeature`, `conflict`, `stale`, `resource`, `dependency` or `other`.
    package var cause: String
    package var message: String
    package var remedy: String?
    /// When it first failed.
    package var since: Moment
    /// How often it has been tried.
    package var attempts: Int
    /// When it will be tried again; missing where it waits for another operation.
    package var nextAttempt: Moment?

    package init(
        operation: String, cause: String, message: String, remedy: String? = nil, since: Moment, attempts: Int, nextAttempt: Moment? = nil
    ) {
        self.operation = operation
        self.cause = cause
        self.message = message
        self.remedy = remedy
        self.since = since
        self.attempts = attempts
        self.nextAttempt = nextAttempt
    }
}

/// Something in the kernel that is not as the agent left it.
package struct Drift: Hashable, Sendable, Codable {
    /// `virtual server tcp 10.96.0.10:53`.
    package var object: String
    /// What is there; `absent` for nothing.
    package var found: String
    /// What should be there; `absent` for nothing.
    package var wanted: String
    /// When it was first seen to differ, of the times that are counted.
    package var since: Moment
    /// How often it has been found different.
    package var times: Int
    /// When it will be put right; missing where that is held back, and `remedy` says why.
    package var nextRepair: Moment?
    package var remedy: String?

    package init(
        object: String, found: String, wanted: String, since: Moment, times: Int = 1, nextRepair: Moment? = nil, remedy: String? = nil
    ) {
        self.object = object
        self.found = found
        self.wanted = wanted
        self.since = since
        self.times = times
        self.nextRepair = nextRepair
        self.remedy = remedy
    }
}

/// Something wrong with what was asked for.
package struct DocumentProblem: Hashable, Sendable, Codable {
    /// `web.yaml:12, document 2, Service default/web, spec.ports[0].port`.
    package var place: String
    package var message: String
    /// Whether something was left out because of it.
    package var isError: Bool

    package init(place: String, message: String, isError: Bool) {
        self.place = place
        self.message = message
        self.isError = isError
    }
}

/// A part of the kernel that cannot be seen, and is left alone.
package struct HiddenPart: Hashable, Sendable, Codable {
    /// `sysctls`, `link`, `sets`, `rules` or `virtual servers`; several, separated by commas, where one cause hides them all.
    package var part: String
    package var cause: String
    package var message: String
    package var remedy: String?
    package var since: Moment

    package init(part: String, cause: String, message: String, remedy: String? = nil, since: Moment) {
        self.part = part
        self.cause = cause
        self.message = message
        self.remedy = remedy
        self.since = since
    }
}
