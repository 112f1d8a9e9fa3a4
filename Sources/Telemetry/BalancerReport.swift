/// What the kernel counts of balanced traffic, as it is when it is asked. Words only: whoever reads the kernel fills it in.
package struct BalancerReport: Sendable {
    package var totals = TrafficTotals()
    package var virtualServers: [Server] = []
    /// How many virtual and real servers stand that are not in the report, because that is bounded.
    package var leftOut = LeftOut()

    package init() {}

    package struct LeftOut: Hashable, Sendable {
        package var virtualServers: UInt64 = 0
        package var realServers: UInt64 = 0
    }

    /// Counted since the kernel began to balance in this network namespace.
    package struct TrafficTotals: Hashable, Sendable {
        package var connections: UInt64 = 0
        package var incomingPackets: UInt64 = 0
        package var outgoingPackets: UInt64 = 0
        package var incomingBytes: UInt64 = 0
        package var outgoingBytes: UInt64 = 0

        package init() {}
    }

    package struct Server: Sendable {
        /// As ``AgentInquiry/entrances(of:)`` names it.
        package var name: String
        /// Empty for a firewall mark.
        package var address: String
        package var port: UInt16
        /// `tcp`; empty for a firewall mark.
        package var transport: String
        package var firewallMark: UInt32?
        package var totals: TrafficTotals
        package var rates: Rates
        package var realServers: [RealServer] = []

        package init(
            name: String, address: String, port: UInt16, transport: String, firewallMark: UInt32?, totals: TrafficTotals, rates: Rates
        ) {
            self.name = name
            self.address = address
            self.port = port
            self.transport = transport
            self.firewallMark = firewallMark
            self.totals = totals
            self.rates = rates
        }
    }

    /// Per second, as the kernel estimates them.
    package struct Rates: Hashable, Sendable {
        package var connections: UInt64 = 0
        package var incomingPackets: UInt64 = 0
        package var outgoingPackets: UInt64 = 0
        package var incomingBytes: UInt64 = 0
        package var outgoingBytes: UInt64 = 0

        package init() {}
    }

    package struct RealServer: Sendable {
        package var address: String
        package var port: UInt16
        package var weight: Int64
        package var active: UInt64
        package var inactive: UInt64

        package init(address: String, port: UInt16, weight: Int64, active: UInt64, inactive: UInt64) {
            self.address = address
            self.port = port
            self.weight = weight
            self.active = active
            self.inactive = inactive
        }
    }
}

/// Who reads the kernel's counters.
package protocol BalancerReading: Sendable {
    /// The present counters of at most so many virtual and real servers. A sentence where they cannot be had.
    func report(limit: Int) async throws(BalancerReadingFailure) -> BalancerReport
}

package struct BalancerReadingFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
