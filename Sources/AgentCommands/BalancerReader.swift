import Addresses
import IPVS
import IPVSModel
import LinuxKernel
import NodeKernel
import Telemetry

/// The kernel's counters in the words of the metrics page.
struct BalancerReader: BalancerReading {
    private let counters = TrafficCounters()

    func report(limit: Int) async throws(BalancerReadingFailure) -> BalancerReport {
        let reading: TrafficCounters.Reading
        do throws(KernelFailure) { reading = try await counters.read(limit: limit) } catch {
            throw BalancerReadingFailure(error.description)
        }
        var report = BalancerReport()
        report.totals.connections = reading.totals.connections
        report.totals.incomingPackets = reading.totals.incomingPackets
        report.totals.outgoingPackets = reading.totals.outgoingPackets
        report.totals.incomingBytes = reading.totals.incomingBytes
        report.totals.outgoingBytes = reading.totals.outgoingBytes
        report.leftOut.virtualServers = UInt64(reading.leftOut.virtualServers)
        report.leftOut.realServers = UInt64(reading.leftOut.realServers)
        report.virtualServers = reading.virtualServers.map { Self.server($0, reading.realServers[$0.server.key] ?? []) }
        return report
    }

    private static func server(_ observed: ObservedVirtualServer, _ realServers: [IPVSTableRealServer]) -> BalancerReport.Server {
        let statistics = observed.statistics
        var totals = BalancerReport.TrafficTotals()
        totals.connections = statistics.connections
        totals.incomingPackets = statistics.incomingPackets
        totals.outgoingPackets = statistics.outgoingPackets
        totals.incomingBytes = statistics.incomingBytes
        totals.outgoingBytes = statistics.outgoingBytes
        var rates = BalancerReport.Rates()
        rates.connections = statistics.connectionRate
        rates.incomingPackets = statistics.incomingPacketRate
        rates.outgoingPackets = statistics.outgoingPacketRate
        rates.incomingBytes = statistics.incomingByteRate
        rates.outgoingBytes = statistics.outgoingByteRate
        let key = observed.server.key
        var server =
            switch key {
            case .address(let address, let port, let transport):
                BalancerReport.Server(
                    name: key.description, address: address.description, port: port, transport: transport.description, firewallMark: nil,
                    totals: totals, rates: rates)
            case .firewallMark(let mark, _):
                BalancerReport.Server(
                    name: key.description, address: "", port: 0, transport: "", firewallMark: mark, totals: totals, rates: rates)
            }
        server.realServers = realServers.map {
            BalancerReport.RealServer(
                address: $0.key.address.description, port: $0.key.port, weight: Int64($0.weight), active: UInt64($0.active),
                inactive: UInt64($0.inactive))
        }
        return server
    }
}
