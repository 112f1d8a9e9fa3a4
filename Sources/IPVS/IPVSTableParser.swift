/// Reads the text of `/proc/net/ip_vs` (`ip_vs_info_seq_show` in `net/netfilter/ipvs/ip_vs_ctl.c`), piece by piece.
///
/// Pure: bytes are put in as they come, entries are taken out when they are whole. Words after the scheduler that are not known are
/// passed over, as are virtual servers of other protocols, with their real servers. Anything else that the kernel does not write
/// is an error; none of it makes the parser crash, loop or keep more than one line and one entry.
public struct IPVSTableParser: Sendable {
    private var lines = TextLines()
    private var current: IPVSTableEntry?
    private var lastScheduler: Scheduler?
    /// How many real servers the virtual server before had: mostly as many as the next.
    private var lastCount = 0
    /// The real servers that follow belong to a virtual server that was passed over.
    private var isPassingOver = false

    /// A parser at the beginning of the text.
    public init() {}

    /// Takes the next piece of the text, and calls `body` with every entry that is now whole.
    public mutating func consume(_ piece: Span<UInt8>, _ body: (IPVSTableEntry) -> Void) throws(IPVSTableError) {
        var lines = takeLines()
        defer { self.lines = lines }
        try lines.consume(piece) { line, number throws(IPVSTableError) in try take(line, number, body) }
    }

    /// Says that the text is over, and calls `body` with the last entry.
    public mutating func finish(_ body: (IPVSTableEntry) -> Void) throws(IPVSTableError) {
        var lines = takeLines()
        defer { self.lines = lines }
        try lines.finish { line, number throws(IPVSTableError) in try take(line, number, body) }
        if let current { body(current) }
        current = nil
    }

    /// The lines, out of self while their contents change it, and without a copy of what they keep.
    private mutating func takeLines() -> TextLines {
        defer { lines = TextLines() }
        return lines
    }

    private mutating func take(_ line: Span<UInt8>, _ lineNumber: Int, _ body: (IPVSTableEntry) -> Void) throws(IPVSTableError) {
        var fields = TableFields()
        guard let first = fields.next(in: line) else { return }
        if line.word(first, is: "->") {
            try takeRealServer(line, lineNumber, &fields)
        } else if !(line.word(first, is: "IP") || line.word(first, is: "Prot")) {
            // A title line is neither; the third title begins as a real server does.
            if let current {
                lastCount = current.realServers.count
                body(current)
            }
            current = nil
            current = try virtualServer(line, lineNumber, first, &fields)
            lastScheduler = current?.scheduler
            isPassingOver = current == nil
            current?.realServers.reserveCapacity(min(lastCount, 16))
        }
    }

    /// The virtual server of a line; nil where it is of another protocol.
    private func virtualServer(
        _ line: Span<UInt8>, _ lineNumber: Int, _ protocolName: Range<Int>, _ fields: inout TableFields
    ) throws(IPVSTableError) -> IPVSTableEntry? {
        guard let place = fields.next(in: line), let schedulerName = fields.next(in: line) else {
            throw IPVSTableError(line: lineNumber, "neither an address nor a scheduler")
        }
        let identity: IPVSTableEntry.Identity
        if line.word(protocolName, is: "FWM") {
            guard let mark = line.hexadecimal(place, UInt32.self) else {
                throw IPVSTableError(line: lineNumber, "“\(line.string(place))” is not a firewall mark")
            }
            identity = .firewallMark(mark)
        } else {
            guard let transport = transport(line, protocolName) else { return nil }
            guard let (address, port) = line.addressAndPort(place) else {
                throw IPVSTableError(line: lineNumber, "“\(line.string(place))” is not an address and port")
            }
            identity = .address(address, port: port, transport)
        }
        guard let scheduler = scheduler(line, schedulerName) else {
            throw IPVSTableError(line: lineNumber, "“\(line.string(schedulerName))” is not a scheduler")
        }
        var entry = IPVSTableEntry(identity, scheduler: scheduler)
        while let word = fields.next(in: line) {
            if line.word(word, is: "ops") {
                entry.onePacket = true
            } else if line.word(word, is: "persistent") {
                guard let ticks = fields.next(in: line).flatMap({ line.decimal($0) }),
                    let mask = fields.next(in: line).flatMap({ line.hexadecimal($0, UInt32.self) })
                else { throw IPVSTableError(line: lineNumber, "persistence without a timeout and a mask") }
                entry.persistence = IPVSTableEntry.Persistence(ticks: ticks, printedMask: mask)
            }
        }
        return entry
    }

    /// Mostly that of the virtual server before.
    private func scheduler(_ line: Span<UInt8>, _ name: Range<Int>) -> Scheduler? {
        if let lastScheduler, line.word(name, is: lastScheduler.rawValue) { return lastScheduler }
        return Scheduler(rawValue: line.string(name))
    }

    /// Made once: there is one to be found for each real server.
    private static let forwardings = IPVSTableRealServer.Forwarding.allCases

    private func forwarding(_ line: Span<UInt8>, _ word: Range<Int>) -> IPVSTableRealServer.Forwarding? {
        Self.forwardings.first { line.word(word, is: $0.rawValue) }
    }

    private func transport(_ line: Span<UInt8>, _ name: Range<Int>) -> TransportProtocol? {
        if line.word(name, is: "TCP") { return .tcp }
        if line.word(name, is: "UDP") { return .udp }
        if line.word(name, is: "SCTP") { return .sctp }
        return nil
    }

    private mutating func takeRealServer(
        _ line: Span<UInt8>, _ lineNumber: Int, _ fields: inout TableFields
    ) throws(IPVSTableError) {
        guard let place = fields.next(in: line) else { throw IPVSTableError(line: lineNumber, "a real server without an address") }
        if isPassingOver || line.word(place, is: "RemoteAddress:Port") { return }
        guard current != nil else { throw IPVSTableError(line: lineNumber, "a real server before any virtual server") }
        guard let (address, port) = line.addressAndPort(place) else {
            throw IPVSTableError(line: lineNumber, "“\(line.string(place))” is not an address and port")
        }
        guard let word = fields.next(in: line), let forwarding = forwarding(line, word) else {
            throw IPVSTableError(line: lineNumber, "a real server without a known forwarding method")
        }
        guard let weight = fields.next(in: line).flatMap({ line.decimal($0) }),
            let active = fields.next(in: line).flatMap({ line.decimal($0) }),
            let inactive = fields.next(in: line).flatMap({ line.decimal($0) })
        else { throw IPVSTableError(line: lineNumber, "a real server without its weight and two counts") }
        current?.realServers.append(
            IPVSTableRealServer(
                RealServer.Key(address, port: port), forwarding: forwarding, weight: Int32(bitPattern: weight), active: active,
                inactive: inactive))
    }
}
