import IPVS
import IPVSModel
import NetlinkTransport
import NodeKernel
import NodeModel

/// Virtual servers with their real servers, as the planner knows them.
extension IPVSHandle {
    /// Those of these keys that stand, exactly: a dump of real servers for each.
    mutating func states(of keys: [VirtualServer.Key]) throws(IPVSError) -> [VirtualServer.Key: VirtualServerState] {
        var states: [VirtualServer.Key: VirtualServerState] = [:]
        for (key, configuration) in try configurations(of: keys) {
            states[key] = VirtualServerState(configuration, realServers: try realServerConfigurations(of: key))
        }
        return states
    }

    /// All of them, fast: one dump of virtual servers; and for the real servers one reading of the text, of which `asFastLookShows` says what it
    /// shows, or a dump for each of more virtual servers than the text is read for. Nothing but the result grows with the table, and of that what
    /// is as expected is shared with who expects it.
    mutating func allStates(
        expecting expected: ExpectedState? = nil, mostInText: Int
    ) throws(IPVSError) -> [VirtualServer.Key: VirtualServerState] {
        var states = try allConfigurations(expecting: expected?.virtualServerCount ?? 0)
        if states.count > mostInText {
            for index in states.indices {
                let key = states.keys[index]
                let (shown, likely) = (try shownRealServers(of: key), expected?.virtualServer(key)?.realServers)
                // The same in either case; but what was just made of an answer can go again.
                states.values[index].realServers = likely == shown ? likely ?? shown : shown
            }
            return states
        }
        // What came between the two; and those that the text shows to have no real servers.
        var (rest, empty): (Set<VirtualServer.Key>, Set<VirtualServer.Key>) = ([], [])
        var table = try tableReader()
        while let entries = try table.nextEntries(.manyPages) {
            for entry in entries {
                guard let key = entry.key else { continue }
                // One that comes twice is shown as it was the last time.
                if let index = states.index(forKey: key) {
                    let likely = expected?.virtualServer(key)?.realServers
                    states.values[index].realServers = likely.flatMap { entry.shows($0) ? $0 : nil } ?? entry.shownRealServers
                    if entry.realServers.isEmpty { empty.insert(key) }
                } else {
                    rest.insert(key)
                }
            }
        }
        // What the text does not show, or does not identify: what went, and marks.
        for index in states.indices where states.values[index].realServers.isEmpty {
            let key = states.keys[index]
            if !empty.contains(key) { rest.insert(key) }
        }
        let exact = try self.states(of: Array(rest))
        for key in rest { states[key] = exact[key]?.asFastLookShows }
        return states
    }

    /// The real servers of one virtual server, asked for by themselves, as the fast look shows them.
    mutating func shownRealServers(of key: VirtualServer.Key) throws(IPVSError) -> [RealServer.Key: RealServer.Configuration] {
        try realServerConfigurations(of: key).mapValues(\.asFastLookShows)
    }

    private mutating func allConfigurations(expecting count: Int) throws(IPVSError) -> [VirtualServer.Key: VirtualServerState] {
        for _ in 0..<Self.attempts {
            var states = [VirtualServer.Key: VirtualServerState](minimumCapacity: count)
            var dump = try virtualServerDump()
            var progress = NetlinkDumper.Progress.unfinished
            while progress == .unfinished {
                progress = try dump.next { states[$0.key] = VirtualServerState($0.configuration) }
            }
            if progress == .finished { return states }
        }
        throw IPVSError(operation: "list virtual servers", reason: .tableKeepsChanging)
    }

    private static var attempts: Int { 8 }
}

extension IPVSTableEntry {
    /// Whether these are the real servers that the text shows. Few are sought among as many without a table of them.
    fileprivate func shows(_ likely: [RealServer.Key: RealServer.Configuration]) -> Bool {
        guard likely.count == realServers.count else { return false }
        guard likely.count <= 8 else { return likely == shownRealServers }
        return likely.allSatisfy { key, configuration in
            realServers.contains { $0.key == key && $0.shownConfiguration == configuration }
        }
    }

    /// The real servers as the text shows them, which is what `asFastLookShows` leaves of them.
    var shownRealServers: [RealServer.Key: RealServer.Configuration] {
        var servers = [RealServer.Key: RealServer.Configuration](minimumCapacity: realServers.count)
        for server in realServers {
            servers[server.key] = server.shownConfiguration
        }
        return servers
    }
}

extension IPVSTableRealServer {
    fileprivate var shownConfiguration: RealServer.Configuration {
        RealServer.Configuration(forwarding: ForwardingMethod(forwarding), weight: weight)
    }
}

extension VirtualServerState {
    fileprivate var asFastLookShows: Self {
        VirtualServerState(configuration, realServers: realServers.mapValues(\.asFastLookShows))
    }
}

extension ForwardingMethod {
    /// The method, of which the text does not say what kind of tunnel it is.
    fileprivate init(_ word: IPVSTableRealServer.Forwarding) {
        self =
            switch word {
            case .masquerade: .masquerade
            case .local: .local
            case .tunnel: .tunnel(.ipip)
            case .direct: .direct
            case .bypass: .bypass
            }
    }
}
