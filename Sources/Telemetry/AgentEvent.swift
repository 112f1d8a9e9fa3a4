/// Something that happened to the agent, told once.
package struct AgentEvent: Hashable, Sendable, Codable {
    /// 1 for the first event since the agent started, then one more each time.
    package var number: UInt64
    package var time: Moment
    package var kind: Kind
    /// What it is about, as operations and logs name it: `virtual server tcp 10.96.0.10:53`, `Service default/web`, `agent`.
    package var about: String
    /// A sentence without its full stop.
    package var message: String
    /// What to do, where that is known and something is to be done.
    package var remedy: String?
    /// What was found, where something differed; `absent` where it was missing.
    package var found: String?
    /// What is wanted instead; `absent` where it should not be there.
    package var wanted: String?

    package init(
        number: UInt64, time: Moment, kind: Kind, about: String, message: String, remedy: String? = nil, found: String? = nil,
        wanted: String? = nil
    ) {
        self.number = number
        self.time = time
        self.kind = kind
        self.about = about
        self.message = message
        self.remedy = remedy
        self.found = found
        self.wanted = wanted
    }

    /// What sort of thing happened. The words are stable, and later versions may have more of them.
    package struct Kind: RawRepresentable, Hashable, Sendable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// The agent has started; always number 1.
        package static let started = Kind(rawValue: "started")
        /// Everything that is asked for is in force: for the first time, or again.
        package static let inForce = Kind(rawValue: "inForce")
        /// The agent ends; what the kernel balances stays.
        package static let stopped = Kind(rawValue: "stopped")
        /// What was asked for changed, and the kernel with it.
        package static let applied = Kind(rawValue: "applied")
        /// Something in the kernel was not as the agent had left it.
        package static let drift = Kind(rawValue: "drift")
        /// The same thing drifts again and again: another program is at work.
        package static let driftRecurring = Kind(rawValue: "driftRecurring")
        package static let operationFailed = Kind(rawValue: "operationFailed")
        /// What had failed is done, or is no longer to be done.
        package static let recovered = Kind(rawValue: "recovered")
        /// A part of the kernel cannot be seen.
        package static let hidden = Kind(rawValue: "hidden")
        /// It can be seen again.
        package static let seen = Kind(rawValue: "seen")
        /// Something that was asked for cannot be taken as it stands.
        package static let sourceProblem = Kind(rawValue: "sourceProblem")
        package static let sourceMended = Kind(rawValue: "sourceMended")
        /// Two want the same thing, or something that is not ours stands where ours should.
        package static let conflict = Kind(rawValue: "conflict")
        /// Events were posted that are no longer kept. Not an event of its own: it stands for the missing ones, under the last one's number.
        package static let lost = Kind(rawValue: "lost")
    }
}
