/// What is held of backends: what `GET /v1/health` answers.
package struct HealthDocument: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "Health"
    package var time: Moment
    /// The policies that are in force.
    package var policies: [String]
    /// How many backends are probed.
    package var count: Int
    /// How many of them are down.
    package var down: Int
    /// Those that are down or not judged come first; at most ``limit``.
    package var items: [ProbeReport]
    /// Virtual servers that do not serve as they are meant to.
    package var impaired: [ImpairedServer]

    package static let limit = 10_000

    package init(time: Moment, policies: [String], count: Int, down: Int, items: [ProbeReport], impaired: [ImpairedServer]) {
        self.time = time
        self.policies = policies
        self.count = count
        self.down = down
        self.items = items
        self.impaired = impaired
    }
}

/// A backend that is probed.
package struct ProbeReport: Hashable, Sendable, Codable {
    package var address: String
    /// Missing where the check has none.
    package var port: UInt16?
    /// `tcp`, `http`, `https`, `grpc`, `udp`, `dns`, `icmp` or `command`.
    package var check: String
    /// The packet mark by which it goes through the kernel's balancing; missing where it goes directly.
    package var mark: UInt32?
    /// `up`, `down`, or `unknown` before the first verdict.
    package var verdict: String
    /// Why it is down.
    package var reason: String?
    /// Since when the verdict is so.
    package var since: Moment
    /// What keeps this node from probing it at present; the verdict is older then.
    package var hindrance: String?
    /// Whose backend it is, at most ``mostServices`` of them.
    package var services: [String]

    package static let mostServices = 100

    package init(
        address: String, port: UInt16?, check: String, mark: UInt32? = nil, verdict: String, reason: String?, since: Moment,
        hindrance: String?, services: [String]
    ) {
        self.address = address
        self.port = port
        self.check = check
        self.mark = mark
        self.verdict = verdict
        self.reason = reason
        self.since = since
        self.hindrance = hindrance
        self.services = services
    }
}

/// A virtual server with too few healthy backends.
package struct ImpairedServer: Hashable, Sendable, Codable {
    package var service: String
    package var virtualServer: String
    /// `panic` or `belowQuorum`.
    package var mode: String

    package init(service: String, virtualServer: String, mode: String) {
        self.service = service
        self.virtualServer = virtualServer
        self.mode = mode
    }
}

/// The real servers that are being drained: what `GET /v1/drains` answers.
package struct DrainDocument: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "Drains"
    package var time: Moment
    package var count: Int
    /// Those whose time is up first come first; at most ``limit``.
    package var items: [DrainReport]

    package static let limit = 10_000

    package init(time: Moment, count: Int, items: [DrainReport]) {
        self.time = time
        self.count = count
        self.items = items
    }
}

/// A real server that takes no new connections, and goes when those that it has are over.
package struct DrainReport: Hashable, Sendable, Codable {
    /// Whose it is, or was.
    package var service: String
    /// `tcp 10.96.0.10:80`.
    package var virtualServer: String
    /// `10.244.0.2:8080`.
    package var realServer: String
    package var reason: String
    package var since: Moment
    package var deadline: Moment
    /// What has to come to zero: `active`, `inactive`, `persistent`.
    package var waitsFor: [String]
    /// What it had when it was last looked at; missing before that.
    package var active: UInt32?
    package var inactive: UInt32?
    package var persistent: UInt32?

    package init(
        service: String, virtualServer: String, realServer: String, reason: String, since: Moment, deadline: Moment, waitsFor: [String],
        active: UInt32? = nil, inactive: UInt32? = nil, persistent: UInt32? = nil
    ) {
        self.service = service
        self.virtualServer = virtualServer
        self.realServer = realServer
        self.reason = reason
        self.since = since
        self.deadline = deadline
        self.waitsFor = waitsFor
        self.active = active
        self.inactive = inactive
        self.persistent = persistent
    }
}
