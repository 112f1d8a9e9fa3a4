import FoundationEssentials
import Glibc
import HealthModel
package import Logging
import RuntimeFiles
import ServiceModel
import Synchronization
package import Telemetry

/// What people say of backends: taken down in a file before it counts, so that it outlives the agent and the machine's restarts.
///
/// The file is the agent's alone while it runs; it is read once, at the start. Where it cannot be read, a copy of what was written last counts.
package final class Administration: AgentAdministration {
    /// The most that is kept.
    static let mostEntries = 10_000
    /// More than that is nothing that was written here.
    private static let mostBytes = 16 << 20
    /// What the name of the second file ends with.
    private static let copy = ".last"

    private struct Content {
        var states = HandStates()
        /// Whether the loop has yet to see them.
        var isNew = false
        var wake: (@Sendable () -> Void)?
    }

    private let content = Mutex(Content())
    /// Nil where nothing is remembered.
    private let path: String?
    private let events: EventLog
    private let logger: Logger

    /// - Parameters:
    ///   - directory: where the file is; nil for none.
    ///   - events: where is told what is said.
    ///   - logger: where it is logged.
    package init(directory: String?, events: EventLog, logger: Logger) {
        path = directory.map { $0 + "/admin.json" }
        self.events = events
        self.logger = logger
        let states = read()
        content.withLock { ($0.states, $0.isNew) = (states, !states.isEmpty) }
    }

    // MARK: For the loop

    /// Has the loop woken when something is said.
    func open(_ wake: @escaping @Sendable () -> Void) { content.withLock { $0.wake = wake } }

    /// What is in force now, where that has changed since this was last asked.
    func takeNew(at time: Moment = .now) -> HandStates? {
        let (expired, states) = content.withLock { content in
            let expired = content.states.takeExpired(at: time)
            defer { content.isNew = false }
            return (expired, content.isNew || !expired.isEmpty ? content.states : nil)
        }
        guard let states else { return nil }
        for (scope, entry) in expired {
            tell(.handExpired, scope, "\(entry.word) has ended by itself")
        }
        // What has expired counts no more, whether or not that can be written.
        if !expired.isEmpty, let problem = write(states) { logger.warning("\(problem)") }
        return states
    }

    /// When something ends by itself.
    var nextExpiry: Moment? { content.withLock { $0.states.nextExpiry } }

    // MARK: For those who say something

    package func hands() -> HandStateList {
        let time = Moment.now
        return HandStateList(content.withLock { $0.states }.entries.map { HandReport($0.key, $0.value, at: time) })
    }

    package func set(_ scope: String, _ key: String, _ request: HandRequest) throws(AdministrationFailure) -> HandReport {
        let scope = try Self.scope(scope, key)
        let weight = try Self.weight(request)
        let state = HandState(rawValue: request.state)
        guard state != nil || weight != nil else {
            throw .invalid("\"\(request.state.prefix(100))\" is no state", remedy: "give ready, drain, maintenance or weight")
        }
        let time = Moment.now
        if let expires = request.expires, expires <= time {
            throw .invalid("\(expires) is over", remedy: "give a time to come, or none")
        }
        for text in [request.reason, request.owner] {
            guard text?.utf8.count ?? 0 <= HandRequest.longestText else {
                throw .invalid("a reason or an owner is too long", remedy: "give at most \(HandRequest.longestText) bytes")
            }
        }
        var entry = HandEntry(
            state: state, weight: weight, reason: request.reason, owner: request.owner, since: time, expires: request.expires)
        try change { states throws(AdministrationFailure) in
            guard states[scope] != nil || states.entries.count < Self.mostEntries else { throw .tooMany(Self.mostEntries) }
            entry.weight?.from = Self.beginning(after: states[scope], at: time)
            states[scope] = entry
        }
        tell(.handSet, scope, entry.words)
        return HandReport(scope, entry)
    }

    package func clear(_ scope: String, _ key: String) throws(AdministrationFailure) -> HandReport? {
        let scope = try Self.scope(scope, key)
        var old: HandEntry?
        try change { states throws(AdministrationFailure) in
            old = states[scope]
            states[scope] = nil
        }
        guard let old else { return nil }
        tell(.handCleared, scope, "\(old.word) is taken back")
        return HandReport(scope, old)
    }

    private static func scope(_ scope: String, _ key: String) throws(AdministrationFailure) -> HandScope {
        if let scope = HandScope(scope, key) { return scope }
        throw .invalid(
            "\"\(scope.prefix(20))/\(key.prefix(100))\" names nothing of a node",
            remedy: "give endpoint/NAMESPACE/NAME/ADDRESS[:PORT], address/ADDRESS or service/NAMESPACE/NAME")
    }

    /// The weight that a request names; nil where it is about a state.
    private static func weight(_ request: HandRequest) throws(AdministrationFailure) -> WeightByHand? {
        guard request.state == HandEntry.weightWord else {
            guard request.weight == nil, request.over == nil else {
                throw .invalid("\(request.state.prefix(100)) has no weight", remedy: "give the state weight with it")
            }
            return nil
        }
        guard let weight = request.weight, weight >= 0, weight <= HandRequest.largestWeight else {
            throw .invalid("there is no weight of 0 to \(HandRequest.largestWeight)", remedy: "give one as weight")
        }
        guard let over = request.over else { return WeightByHand(weight: weight) }
        guard over >= 0, over <= HandRequest.longestRamp else {
            throw .invalid("over is too long or none", remedy: "give 0 to \(Int(HandRequest.longestRamp)) seconds")
        }
        return WeightByHand(weight: weight, over: .seconds(over))
    }

    /// What a weight begins with after what was said before, in hundredths; nil for what is configured.
    private static func beginning(after entry: HandEntry?, at time: Moment) -> Int64? {
        guard let entry else { return nil }
        if let state = entry.state { return state.rests ? 0 : nil }
        guard let weight = entry.weight else { return nil }
        let elapsed = entry.since.duration(to: time)
        return weight.from != nil || weight.isReached(after: elapsed) ? weight.reached(after: elapsed, configured: 0) : nil
    }

    /// Writes the states as they are to be, and has them be so then.
    private func change(_ body: (inout HandStates) throws(AdministrationFailure) -> Void) throws(AdministrationFailure) {
        let result: Result<(@Sendable () -> Void)?, AdministrationFailure> = content.withLock { content in
            var states = content.states
            do throws(AdministrationFailure) { try body(&states) } catch { return .failure(error) }
            guard states != content.states else { return .success(nil) }
            if let problem = write(states) { return .failure(.notRemembered(problem)) }
            content.states = states
            content.isNew = true
            return .success(content.wake)
        }
        try result.get()?()
    }

    private func tell(_ kind: AgentEvent.Kind, _ scope: HandScope, _ message: String) {
        let (name, key) = scope.words
        logger.notice("\(name) \(key): \(message)")
        events.post(kind, about: "\(name) \(key)", message)
    }

    // MARK: The file

    private func read() -> HandStates {
        guard let path, unsafe access(path, F_OK) == 0 || access(path + Self.copy, F_OK) == 0 else { return HandStates() }
        do {
            return try read(path)
        } catch {
            logger.error("\(path) cannot be read, so what it said last counts: \(error)")
        }
        do {
            return try read(path + Self.copy)
        } catch {
            logger.error("nothing that was said by hand counts: \(error)")
            return HandStates()
        }
    }

    private func read(_ path: String) throws -> HandStates {
        let file = try FileManager.default.attributesOfItem(atPath: path)
        guard let size = file[.size] as? Int, size <= Self.mostBytes else { throw FileProblem("\(path) is too large") }
        let list = try JSONDecoder().decode(HandStateList.self, from: Data(contentsOf: URL(filePath: path)))
        var entries: [HandScope: HandEntry] = [:]
        for item in list.items.prefix(Self.mostEntries) {
            let request = HandRequest(state: item.state, weight: item.weight, over: item.over)
            var weight = try? Self.weight(request)
            weight?.from = item.from.map { Int64(min(max($0, 0), Double(Int32.max)) * 100) }
            let state = HandState(rawValue: item.state)
            guard let scope = HandScope(item.scope, item.key), state != nil || weight != nil else {
                logger.warning("\(path): \(item.scope.prefix(20)) \(item.key.prefix(100)) cannot be taken and is left out")
                continue
            }
            entries[scope] = HandEntry(
                state: state, weight: weight, reason: item.reason, owner: item.owner, since: item.since, expires: item.expires)
        }
        return HandStates(entries)
    }

    /// What is wrong where it could not be written.
    private func write(_ states: HandStates) -> String? {
        guard let path else { return nil }
        do {
            let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let list = HandStateList(states.entries.map { HandReport($0.key, $0.value) })
            let data = try TelemetryJSON.document(list)
            try DurableFile.replace(path, with: data)
            // A second one, should the first be spoilt by other hands.
            try? DurableFile.replace(path + Self.copy, with: data)
            return nil
        } catch {
            return "cannot write \(path): \(error)"
        }
    }
}

extension HandReport {
    /// What is told at a time; without one, what the file has, which says what was said.
    init(_ scope: HandScope, _ entry: HandEntry, at time: Moment? = nil) {
        let (name, key) = scope.words
        self.init(
            scope: name, key: key, state: entry.word, reason: entry.reason, owner: entry.owner, since: entry.since, expires: entry.expires)
        guard let said = entry.weight else { return }
        weight = said.weight
        over = said.over == .zero ? nil : said.over.inSeconds
        from = said.from.map { Double($0) / 100 }
        guard let time else { return }
        let elapsed = entry.since.duration(to: time)
        guard said.from != nil || said.isReached(after: elapsed) else { return }
        reached = Double(said.reached(after: elapsed, configured: 0)) / 100
    }
}

extension HandEntry {
    fileprivate var words: String {
        var words = word
        if let weight {
            words += " \(weight.weight)"
            if weight.over > .zero { words += " over \(weight.over.inWords)" }
        }
        if let owner { words += " by \(owner)" }
        if let expires { words += " until \(expires)" }
        if let reason { words += ": \(reason)" }
        return words
    }
}
