import Synchronization

/// What can be said of the node's health without asking the loop: whoever probes it must get an answer most of all when the loop is stuck.
package final class HealthBoard: Sendable {
    private struct Content {
        var health = NodeHealth()
        /// When the oldest change came that the loop has not taken in hand.
        var queuedSince: Moment?
        /// When the oldest change came that the loop has in hand.
        var inHandSince: Moment?
        var services: [UInt16: LocalService] = [:]
        /// Services of which something failed to be applied, with why.
        var failing: [String: String] = [:]
        var places = Places()
    }

    /// Where health check node ports are served.
    package struct Places: Hashable, Sendable {
        package var ports: Set<UInt16> = []
        /// Addresses as text.
        package var addresses: Set<String> = []

        package init() {}
    }

    private let content = Mutex(Content())
    private let status: StatusBoard
    private let wake: AsyncStream<Places>.Continuation
    /// Where health check node ports are served, as that changes. To be listened to by one.
    package let places: AsyncStream<Places>

    package init(status: StatusBoard) {
        self.status = status
        (places, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: For the loop

    /// A change has come.
    package func queued(at time: Moment = .now) {
        content.withLock { if $0.queuedSince == nil { $0.queuedSince = time } }
    }

    /// All changes that have come are in hand.
    package func taken() {
        content.withLock { content in
            content.inHandSince = content.inHandSince ?? content.queuedSince
            content.queuedSince = nil
        }
    }

    /// What was in hand has been applied, as far as it can be.
    package func applied(at time: Moment = .now) {
        content.withLock { content in
            content.inHandSince = nil
            content.health.lastApplied = time
        }
    }

    package func publish(isInForce: Bool, failure: String?, leaving: String?, failing: [String: String]) {
        content.withLock { content in
            content.health.isInForce = isInForce
            content.health.failure = failure
            content.health.leaving = leaving
            content.failing = failing
        }
    }

    /// Says which Service a port is for now. `nil` takes a port from the Service of that name, and from no other.
    package func setService(_ service: LocalService?, named name: String, at port: UInt16) {
        change { content in
            if let service {
                content.services[port] = service
            } else if content.services[port]?.service == name {
                content.services[port] = nil
            }
            content.places.ports = Set(content.services.keys)
        }
    }

    package func setAddresses(_ addresses: Set<String>) { change { $0.places.addresses = addresses } }

    private func change(_ body: (inout Content) -> Void) {
        let places: Places? = content.withLock { content in
            let before = content.places
            body(&content)
            return content.places == before ? nil : content.places
        }
        if let places { wake.yield(places) }
    }

    // MARK: For those who ask

    package var health: NodeHealth {
        let activity = status.activity
        return content.withLock { content in
            var health = content.health
            health.waitingSince = content.inHandSince ?? content.queuedSince
            health.activity = activity
            return health
        }
    }

    /// The Service that a port is for, and why that is not in force.
    package func service(at port: UInt16) -> (service: LocalService, failure: String?)? {
        content.withLock { content in content.services[port].map { ($0, content.failing[$0.service]) } }
    }
}
