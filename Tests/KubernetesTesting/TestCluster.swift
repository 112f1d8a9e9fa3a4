import Foundation
import Synchronization

/// The objects of a cluster with their history, as etcd and the API server's watch cache keep it: each change has a version, and old
/// versions are compacted away.
package final class TestCluster: Sendable {
    package struct Selector: Sendable {
        /// Labels that an object must not have.
        package var absent: [String] = []
        package var name: String?

        package init() {}

        /// As the agent's requests have it: `!a,!b` and `metadata.name=x`. Nil where it is anything else.
        init?(labels: String?, fields: String?) {
            for term in (labels ?? "").split(separator: ",") {
                guard term.hasPrefix("!") else { return nil }
                absent.append(String(term.dropFirst()))
            }
            for term in (fields ?? "").split(separator: ",") {
                guard term.hasPrefix("metadata.name=") else { return nil }
                name = String(term.dropFirst("metadata.name=".count))
            }
        }

        func matches(_ object: TestObject) -> Bool {
            absent.allSatisfy { object.labels[$0] == nil } && (name.map { $0 == object.name } ?? true)
        }
    }

    package enum Change: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
    }

    struct Event: Sendable {
        var version: Int
        var change: Change
        var object: TestObject
        /// What it was before.
        var old: TestObject?

        /// What somebody with a selector is told: an object that ceases to match is deleted for them.
        func seen(by selector: Selector) -> (Change, TestObject)? {
            let matches = change != .deleted && selector.matches(object)
            let matched = old.map(selector.matches) ?? false
            switch (matched, matches) {
            case (false, false): return nil
            case (false, true): return (.added, object)
            case (true, true): return (.modified, object)
            case (true, false):
                var gone = old ?? object
                gone.resourceVersion = version
                return (.deleted, gone)
            }
        }
    }

    private struct Content {
        var objects: [String: TestObject] = [:]
        var version = 100
        var events: [Event] = []
        /// Versions up to this one are gone.
        var compacted = 100
        /// What pages of a list are taken from, by version.
        var snapshots: [Int: [TestObject]] = [:]
        var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextWaiter = 0
    }

    private let content: Mutex<Content>

    /// - Parameter version: where versions begin; none before it is known.
    package init(version: Int = 100) { content = Mutex(Content(version: version, compacted: version)) }

    package var version: Int { content.withLock { $0.version } }

    /// Everything that there is, in order.
    package func objects(_ resource: TestResource, _ selector: Selector = Selector()) -> [TestObject] {
        content.withLock { Self.objects($0, resource, selector) }
    }

    private static func objects(_ content: Content, _ resource: TestResource, _ selector: Selector) -> [TestObject] {
        content.objects.values.filter { $0.resource == resource && selector.matches($0) }.sorted { key($0) < key($1) }
    }

    private static func key(_ object: TestObject) -> String { "\(object.resource.rawValue)/\(object.namespace)/\(object.name)" }

    package func put(_ object: TestObject) { put([object]) }

    package func put(_ objects: [TestObject]) {
        wake(
            content.withLock { content in
                for object in objects {
                    content.version += 1
                    var object = object
                    object.resourceVersion = content.version
                    let old = content.objects.updateValue(object, forKey: Self.key(object))
                    if let old { object.uid = old.uid }
                    content.objects[Self.key(object)] = object
                    content.events.append(
                        Event(version: content.version, change: old == nil ? .added : .modified, object: object, old: old))
                }
                return Array(content.waiters.values)
            })
    }

    package func delete(_ resource: TestResource, namespace: String = "default", name: String) {
        wake(
            content.withLock { content in
                let key = "\(resource.rawValue)/\(resource == .nodes ? "" : namespace)/\(name)"
                guard let old = content.objects.removeValue(forKey: key) else { return [] }
                content.version += 1
                content.events.append(Event(version: content.version, change: .deleted, object: old, old: old))
                return Array(content.waiters.values)
            })
    }

    /// Loses everything of a kind without telling anybody, as a server does whose etcd was emptied.
    package func lose(_ resource: TestResource) {
        content.withLock { content in
            content.objects = content.objects.filter { $0.value.resource != resource }
            content.version += 1
            Self.compact(&content)
        }
    }

    /// Forgets all versions but the present one.
    package func compact() { content.withLock { Self.compact(&$0) } }

    private static func compact(_ content: inout Content) {
        content.compacted = content.version
        content.events = []
        content.snapshots = [:]
    }

    // MARK: For the server

    struct Page {
        var objects: [TestObject]
        var version: Int
        var continuation: String?
        var remaining: Int
    }

    /// A page of a list; nil where its token has run out.
    func page(_ resource: TestResource, _ selector: Selector, limit: Int?, continuation: String?) -> Page? {
        content.withLock { content in
            var version = content.version
            var start = 0
            var objects: [TestObject]
            if let continuation {
                let parts = continuation.split(separator: "-").compactMap { Int($0) }
                guard parts.count == 2, let snapshot = content.snapshots[parts[0]] else { return nil }
                (version, start) = (parts[0], parts[1])
                objects = snapshot.filter { $0.resource == resource && selector.matches($0) }.sorted { Self.key($0) < Self.key($1) }
            } else {
                objects = Self.objects(content, resource, selector)
            }
            let rest = objects.dropFirst(start)
            let part = limit.map { rest.prefix($0) } ?? rest
            let remaining = rest.count - part.count
            if remaining > 0, continuation == nil { content.snapshots[version] = Array(content.objects.values) }
            return Page(
                objects: Array(part), version: version, continuation: remaining > 0 ? "\(version)-\(start + part.count)" : nil,
                remaining: remaining)
        }
    }

    /// What happened after a version; nil where that is no longer known.
    func events(_ resource: TestResource, after version: Int) -> (events: [Event], version: Int)? {
        content.withLock { content in
            guard version >= content.compacted else { return nil }
            // Events are in order; most watches want the last ones.
            var first = content.events.endIndex
            while first > 0, content.events[first - 1].version > version { first -= 1 }
            return (content.events[first...].filter { $0.object.resource == resource }, max(content.version, version))
        }
    }

    /// Says that something has changed, summed up while nobody listens.
    func signals() -> (AsyncStream<Void>, @Sendable () -> Void) {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = content.withLock { content in
            content.nextWaiter += 1
            content.waiters[content.nextWaiter] = continuation
            return content.nextWaiter
        }
        let wake: @Sendable () -> Void = { continuation.yield() }
        continuation.onTermination = { [weak self] _ in _ = self?.content.withLock { $0.waiters.removeValue(forKey: number) } }
        return (stream, wake)
    }

    private func wake(_ waiters: [AsyncStream<Void>.Continuation]) { for waiter in waiters { waiter.yield() } }
}
