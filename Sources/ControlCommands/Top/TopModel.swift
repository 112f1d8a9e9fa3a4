import IPVS
import NodeModel

/// What a row of the live view shows: a virtual server, or a real server of one.
struct TopRow: Equatable {
    var name: String
    var servers: String
    var active: UInt64
    var inactive: UInt64
    var connectionRate: UInt64
    var packetRate: UInt64
    var incomingByteRate: UInt64
    var outgoingByteRate: UInt64
}

/// The state of the live view: what was seen, and what of it is shown how. Pure: looks and keys go in, a screen comes out.
struct TopModel {
    enum Sort: String, CaseIterable {
        case name, active, connections, packets, bytes
    }

    enum Prompt: Equatable {
        case none
        case search
        /// Asks whether to drain a real server.
        case drain(RealServer.Key)
    }

    /// What a key asks for that the model cannot do itself.
    enum Effect: Equatable {
        case none
        case quit
        /// Look again at once: something else is to be seen.
        case look
        case drain(service: String, RealServer.Key)
    }

    /// How many looks a sparkline remembers.
    static let memory = 8

    private(set) var rows: [(key: String, row: TopRow)] = []
    private var keys: [String: VirtualServer.Key] = [:]
    private var realServers: [String: RealServer.Key] = [:]
    /// Rates of bytes in the latest looks, by row.
    private(set) var history: [String: [UInt64]] = [:]
    /// Whose real servers are shown; nil where virtual servers are.
    private(set) var opened: VirtualServer.Key?
    var openedService: String?
    private(set) var sort = Sort.connections
    private(set) var isReversed = false
    private(set) var search = ""
    private(set) var prompt = Prompt.none
    private(set) var selected: String?
    private(set) var isPaused = false
    /// How many rows are above the screen.
    var offset = 0
    /// Whether the kernel's estimator is off.
    var isEstimatorOff = false
    var time = ""
    var host = ""
    /// What happened last, for one look.
    var message = ""
    var notes: [String] = []

    // MARK: Looks

    mutating func take(services: [(ObservedVirtualServer, KernelTable.Summary)], _ knowledge: AgentKnowledge) {
        guard !isPaused else { return }
        var rows: [(String, TopRow)] = []
        rows.reserveCapacity(services.count)
        keys = [:]
        realServers = [:]
        for (server, summary) in services {
            let (key, counted) = (server.server.key, server.statistics)
            var name = key.description
            if let service = knowledge[key]?.service, case .address(_, let port, let transport) = key {
                name = "\(service):\(port)" + (transport == .tcp ? "" : "/\(transport)") + (key.family == .ipv6 ? " (IPv6)" : "")
            }
            let row = TopRow(
                name: name, servers: summary.inUse == summary.servers ? "\(summary.servers)" : "\(summary.inUse)/\(summary.servers)",
                active: summary.active, inactive: summary.inactive, connectionRate: counted.connectionRate,
                packetRate: counted.incomingPacketRate &+ counted.outgoingPacketRate, incomingByteRate: counted.incomingByteRate,
                outgoingByteRate: counted.outgoingByteRate)
            let id = key.description
            keys[id] = key
            rows.append((id, row))
        }
        take(rows)
    }

    mutating func take(realServers observed: [ObservedRealServer]) {
        guard !isPaused else { return }
        realServers = [:]
        take(
            observed.map { server in
                let counted = server.statistics
                let id = server.server.key.description
                realServers[id] = server.server.key
                return (
                    id,
                    TopRow(
                        name: id, servers: "w \(server.server.configuration.weight)", active: UInt64(server.connections.active),
                        inactive: UInt64(server.connections.inactive), connectionRate: counted.connectionRate,
                        packetRate: counted.incomingPacketRate &+ counted.outgoingPacketRate, incomingByteRate: counted.incomingByteRate,
                        outgoingByteRate: counted.outgoingByteRate)
                )
            })
    }

    private mutating func take(_ rows: [(String, TopRow)]) {
        var history: [String: [UInt64]] = [:]
        history.reserveCapacity(rows.count)
        for (id, row) in rows {
            // What is gone is forgotten with its past.
            history[id] = Array(((self.history[id] ?? []) + [row.incomingByteRate &+ row.outgoingByteRate]).suffix(Self.memory))
        }
        self.history = history
        self.rows = rows.map { (key: $0.0, row: $0.1) }
        if let selected, history[selected] == nil { self.selected = nil }
    }

    /// The rows that are shown, in their order.
    var visible: [(key: String, row: TopRow)] {
        let wanted = search.lowercased()
        let found = wanted.isEmpty ? rows : rows.filter { $0.row.name.lowercased().contains(wanted) || $0.key.contains(wanted) }
        func before(_ left: (key: String, row: TopRow), _ right: (key: String, row: TopRow)) -> Bool {
            func amount(_ row: TopRow) -> UInt64 {
                switch sort {
                case .name: 0
                case .active: row.active
                case .connections: row.connectionRate
                case .packets: row.packetRate
                case .bytes: row.incomingByteRate &+ row.outgoingByteRate
                }
            }
            let (a, b) = (amount(left.row), amount(right.row))
            if a != b { return isReversed ? a < b : a > b }
            let order = NaturalOrder.compare(left.row.name, right.row.name)
            return sort == .name && isReversed ? order > 0 : order < 0
        }
        return found.sorted(by: before)
    }

    // MARK: Keys

    enum Key: Equatable {
        case character(Character)
        case up, down, pageUp, pageDown, home, end, enter, escape, backspace
    }

    /// What a key does. `page` is how many rows the screen shows.
    mutating func press(_ key: Key, page: Int) -> Effect {
        switch prompt {
        case .search: return type(key)
        case .drain(let server): return answer(key, server)
        case .none: break
        }
        switch key {
        case .character("q"), .character("\u{3}"): return .quit
        case .escape, .backspace, .character("h"):
            if opened != nil { return close() }
            search = ""
        case .character("/"): prompt = .search
        case .character("s"):
            let all = Sort.allCases
            sort = all[((all.firstIndex(of: sort) ?? 0) + 1) % all.count]
        case .character("r"): isReversed.toggle()
        case .character("p"), .character(" "):
            isPaused.toggle()
            return isPaused ? .none : .look
        case .character("d"):
            if opened == nil {
                message = "open a virtual server first, and choose a real server"
            } else if openedService == nil {
                message = "no agent knows this virtual server: it cannot be asked to drain"
            } else if let selected, let server = realServers[selected] {
                prompt = .drain(server)
            }
        case .up, .character("k"): move(by: -1)
        case .down, .character("j"): move(by: 1)
        case .pageUp: move(by: -page)
        case .pageDown: move(by: page)
        case .home: move(by: -Int.max / 2)
        case .end: move(by: Int.max / 2)
        case .enter, .character("l"):
            guard opened == nil, let id = selected ?? visible.first?.key, let virtual = keys[id] else { return .none }
            (opened, selected, offset, history, rows, search) = (virtual, nil, 0, [:], [], "")
            return .look
        default: return .none
        }
        return .none
    }

    private mutating func close() -> Effect {
        (selected, opened, openedService, offset, history, rows) = (opened?.description, nil, nil, 0, [:], [])
        return .look
    }

    private mutating func type(_ key: Key) -> Effect {
        switch key {
        case .enter: prompt = .none
        case .escape, .character("\u{3}"): (prompt, search) = (.none, "")
        case .backspace: if !search.isEmpty { search.removeLast() }
        case .character(let character) where search.count < 60 && character.isASCII && !character.isNewline: search.append(character)
        default: break
        }
        offset = 0
        return .none
    }

    private mutating func answer(_ key: Key, _ server: RealServer.Key) -> Effect {
        prompt = .none
        guard key == .character("y"), let openedService else { return .none }
        return .drain(service: openedService, server)
    }

    private mutating func move(by distance: Int) {
        let ids = visible.map(\.key)
        guard !ids.isEmpty else { return }
        // With nothing chosen, down begins above the first and up below the last.
        let place = selected.flatMap { ids.firstIndex(of: $0) } ?? (distance < 0 ? ids.count : -1)
        selected = ids[min(max(place + distance, 0), ids.count - 1)]
    }
}
