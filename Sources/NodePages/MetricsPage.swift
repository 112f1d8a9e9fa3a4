import FoundationEssentials
import HTTPServing
import Telemetry

/// `/metrics`: what the agent counts of itself, and what the kernel counts, read when it is asked for.
struct MetricsPage: Sendable {
    let reader: any BalancerReading
    let inquiry: any AgentInquiry
    let counters: AgentCounters
    /// So many virtual and real servers have series of their own.
    let mostServers: Int

    /// Several who ask at once are answered one after the other: a scrape reads the whole table.
    private let turn = Turn()

    init(reader: any BalancerReading, inquiry: any AgentInquiry, counters: AgentCounters, mostServers: Int) {
        self.reader = reader
        self.inquiry = inquiry
        self.counters = counters
        self.mostServers = mostServers
    }

    func answer() async -> HTTPAnswer {
        HTTPAnswer(
            .parts { write in
                let (report, failure) = await turn.take { () -> (BalancerReport, String?) in
                    do throws(BalancerReadingFailure) {
                        return (try await reader.report(limit: mostServers), nil)
                    } catch {
                        return (BalancerReport(), error.description)
                    }
                }
                let services = failure == nil && !report.virtualServers.isEmpty ? await servicesByEntrance() : [:]
                var text = MetricsText()
                AgentMetrics(counters.values, process: ProcessFigures.now).write(to: &text)
                text.one("ipvs_agent_scrape_success", .gauge, "Whether the kernel's counters could be read", failure == nil ? 1 : 0)
                try await write(text.take())
                guard failure == nil else { return }
                for part in BalancerMetrics.parts {
                    var start = 0
                    while let next = part.write(report, services, from: start, to: &text) {
                        start = next
                        try await write(text.take())
                    }
                    try await write(text.take())
                }
            }, contentType: MetricsText.contentType)
    }

    /// Which Service has which virtual server; as far as the agent answers.
    private func servicesByEntrance() async -> [String: String] {
        var result: [String: String] = [:]
        do throws(InquiryFailure) {
            let names = try await inquiry.serviceNames()
            for start in stride(from: 0, to: names.count, by: ServiceReport.batch) {
                let batch = Array(names[start..<min(start + ServiceReport.batch, names.count)])
                for entrances in try await inquiry.entrances(of: batch) {
                    for name in entrances.names { result[name] = entrances.service }
                }
            }
        } catch {
            // The kernel's counters are worth having without the names, too.
        }
        return result
    }
}

/// Lets one at a time do something.
private actor Turn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take<Value: Sendable>(_ body: @Sendable () async -> Value) async -> Value {
        if isTaken { await withCheckedContinuation { waiting.append($0) } }
        isTaken = true
        defer {
            if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
        }
        return await body()
    }
}
