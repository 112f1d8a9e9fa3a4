import HealthModel
import ServiceModel
import TestSupport
import Testing

@testable import Agent

@Suite struct SourceJoinTests {
    private func policy(_ name: String, rise: Int = 2) -> SourceObject {
        var policy = HealthPolicy(name: name)
        policy.rise = rise
        return .healthPolicy(policy)
    }

    private let node = SourceObject.node(Node(name: "n1"))

    @Test func togetherTheyAreReadWhenBothAre() {
        var join = SourceJoin()
        #expect(!join.take(SourceUpdate(changed: [node], isSynced: true), from: .services).isSynced)
        #expect(!join.take(SourceUpdate(isSynced: false), from: .policies).isSynced)
        #expect(join.take(SourceUpdate(isSynced: true), from: .policies).isSynced)
        #expect(join.take(SourceUpdate(changed: [node]), from: .services).isSynced)
    }

    @Test func problemsOfTheOneDoNotHideThoseOfTheOther() {
        var join = SourceJoin()
        let (one, other) = (SourceProblem(place: "a", message: "x"), SourceProblem(place: "b", message: "y"))
        #expect(join.take(SourceUpdate(problems: [one]), from: .services).problems == [one])
        #expect(join.take(SourceUpdate(problems: [other]), from: .policies).problems == [one, other])
        #expect(join.take(SourceUpdate(changed: [node]), from: .services).problems == nil)
        #expect(join.take(SourceUpdate(problems: []), from: .services).problems == [other])
    }

    @Test func aPolicyOfBothIsTheSecondsAndTheFirstsTakesOver() {
        var join = SourceJoin()
        #expect(join.take(SourceUpdate(changed: [policy("a", rise: 1)]), from: .services).changed == [policy("a", rise: 1)])
        let both = join.take(SourceUpdate(changed: [policy("a", rise: 2)]), from: .policies)
        #expect(both.changed == [policy("a", rise: 2)])
        #expect(both.problems?.map(\.place) == ["HealthPolicy a"] && both.problems?.first?.isError == false)
        // Hidden, it changes nothing.
        let hidden = join.take(SourceUpdate(changed: [policy("a", rise: 9)]), from: .services)
        #expect(hidden.changed.isEmpty && hidden.removed.isEmpty && hidden.problems == nil)
        let back = join.take(SourceUpdate(removed: [policy("a").key]), from: .policies)
        #expect(back.changed == [policy("a", rise: 9)] && back.removed.isEmpty && back.problems == [])
        #expect(join.take(SourceUpdate(removed: [policy("a").key]), from: .services).removed == [policy("a").key])
        #expect(join.take(SourceUpdate(removed: [policy("a").key]), from: .services).removed.isEmpty)
    }

    @Test("whatever comes, what was said together is what counts now", arguments: UInt64(1)...30)
    func holdsTogether(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var join = SourceJoin()
        var said: [[String: SourceObject]] = [[:], [:]]
        var told: [SourceObject.Key: SourceObject] = [:]
        for _ in 0..<200 {
            let side = Int.random(in: 0...1, using: &random)
            var update = SourceUpdate()
            for name in ["a", "b", "c"] {
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    let object = policy(name, rise: Int.random(in: 1...3, using: &random))
                    update.changed.append(object)
                    said[side][name] = object
                case 1:
                    update.removed.append(policy(name).key)
                    said[side][name] = nil
                default: break
                }
            }
            let joined = join.take(update, from: side == 0 ? .services : .policies)
            for key in joined.removed { #expect(told.removeValue(forKey: key) != nil) }
            for object in joined.changed { #expect(told.updateValue(object, forKey: object.key) != object) }
            #expect(told == Dictionary(uniqueKeysWithValues: said[0].merging(said[1]) { $1 }.values.map { ($0.key, $0) }))
        }
    }

    /// A source that says what it is given.
    private final class Given: ServiceSource {
        let updates: AsyncStream<SourceUpdate>
        private let continuation: AsyncStream<SourceUpdate>.Continuation
        private let all: [SourceUpdate]
        let isUpdateComing: Bool

        init(_ all: [SourceUpdate], isUpdateComing: Bool = false) {
            self.all = all
            self.isUpdateComing = isUpdateComing
            (updates, continuation) = AsyncStream.makeStream()
        }

        func readOnce() async throws(SourceProblem) -> SourceUpdate {
            guard let first = all.first else { throw SourceProblem(place: "nowhere", message: "cannot be read") }
            return first
        }

        func run() async {
            for update in all { continuation.yield(update) }
            continuation.finish()
        }
    }

    @Test func bothAreFollowed() async throws {
        let source = JoinedSource(
            services: Given([SourceUpdate(changed: [node])]), policies: Given([SourceUpdate(changed: [policy("a")], problems: [])]))
        async let running: Void = source.run()
        var keys: Set<String> = []
        var isSynced = false
        for await update in source.updates {
            keys.formUnion(update.changed.map(\.key.description))
            isSynced = update.isSynced
        }
        await running
        #expect(keys == ["Node n1", "HealthPolicy a"] && isSynced)
    }

    @Test(arguments: [(false, false), (true, false), (false, true)]) func anUpdateOfEitherIsComing(first: Bool, second: Bool) {
        let source = JoinedSource(services: Given([], isUpdateComing: first), policies: Given([], isUpdateComing: second))
        #expect(source.isUpdateComing == (first || second))
    }

    @Test func bothAreReadOnceAndNeitherMayBeMissing() async throws {
        let services = Given([SourceUpdate(changed: [node, policy("a", rise: 1)], problems: [])])
        let update = try await JoinedSource(
            services: services, policies: Given([SourceUpdate(changed: [policy("a", rise: 5)], problems: [])])
        )
        .readOnce()
        #expect(update.changed == [node, policy("a", rise: 5)] && update.isSynced && update.removed.isEmpty)
        #expect(update.problems?.count == 1)
        await #expect(throws: SourceProblem.self) { try await JoinedSource(services: services, policies: Given([])).readOnce() }
        await #expect(throws: SourceProblem.self) { try await JoinedSource(services: Given([]), policies: services).readOnce() }
    }
}
