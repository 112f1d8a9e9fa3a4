import Conntrack
import IPVS
import NodeModel

/// What really happened beside what was foretold, hop by hop. Pure.
struct LiveComparison {
    private(set) var hops: [TraceHop]

    init(_ trace: Trace, _ live: LiveConnection, client: IPAddress) {
        hops = trace.hops
        let forecast = trace.forecast
        compare("virtual server", live.entry.map { "an entry of the connection table, \($0.state)" } ?? "no entry of the connection table")
        {
            forecast.end == .notKnowable || !forecast.isRemembered ? nil : (live.entry != nil) == (forecast.end == .served)
        }
        if let entry = live.entry {
            compare("scheduler", "\(entry.realServer)") { forecast.servers.isEmpty ? nil : forecast.servers.contains(entry.realServer) }
        }
        if let flow = live.flow, live.entry != nil {
            // A packet of the node's own may be masqueraded to the address that it had; its port is then another.
            let isMasqueraded = flow.answersTo.address != client || flow.answersTo.port != flow.flow.client.port
            compare("source", isMasqueraded ? "answers go to \(flow.answersTo): masqueraded" : "answers go to the client itself") {
                forecast.isMasqueraded.map { $0 == isMasqueraded }
            }
        }
        var last = TraceHop("answer", Self.expectation(forecast.end))
        (last.seen, last.differs) = (Self.words(live), Self.isAsForetold(live.result, forecast.end).map { !$0 })
        hops.append(last)
    }

    var differs: Bool { hops.contains { $0.differs == true } }

    /// Writes down what was seen of a hop; of the last hop before it, where the forecast had the packet end earlier.
    private mutating func compare(_ name: String, _ seen: String, _ isAsForetold: () -> Bool?) {
        let verdict = isAsForetold().map { !$0 }
        if let place = hops.firstIndex(where: { $0.hop == name }) {
            (hops[place].seen, hops[place].differs) = (seen, verdict)
        } else if verdict == true {
            var hop = TraceHop(name, "not reached")
            (hop.seen, hop.differs) = (seen, true)
            hops.append(hop)
        }
    }

    private static func expectation(_ end: TraceForecast.End) -> String {
        switch end {
        case .served: "from the real server, if it listens"
        case .refused: "a refusal"
        case .dropped: "none"
        case .unbalanced: "from this node, or a refusal"
        case .elsewhere, .notKnowable: "not knowable"
        }
    }

    private static func words(_ live: LiveConnection) -> String {
        switch live.result {
        case .answered: "answered"
        case .refused: "refused"
        case .silence: "no answer"
        case .failed(let words): words
        }
    }

    /// A real server may be silent or refuse for reasons of its own; where it does, nothing contradicts what was foretold of this node.
    private static func isAsForetold(_ result: LiveConnection.Result, _ end: TraceForecast.End) -> Bool? {
        switch end {
        case .served: result == .answered ? true : nil
        case .refused: result == .refused
        case .dropped: result == .silence
        case .unbalanced: result == .silence ? false : nil
        case .elsewhere, .notKnowable: nil
        }
    }
}
