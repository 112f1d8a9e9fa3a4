import IPVS

/// Writes connections as they come, whatever their number: it holds no more than the first few, whose widths the columns take.
struct ConnectionWriter {
    private let format: OutputFormat
    private let serviceOf: (IPVSConnection) -> String?
    private var waiting: [[String]] = []
    private var widths: [Int] = []
    private(set) var count = 0

    /// How many rows decide how wide columns are.
    static let sample = 500

    init(_ format: OutputFormat, serviceOf: @escaping (IPVSConnection) -> String? = { _ in nil }) {
        self.format = format
        self.serviceOf = serviceOf
    }

    /// What comes before the first connection.
    var head: String {
        switch format {
        case .json:
            #"{"apiVersion":"\#(DocumentText.apiVersion)","kind":"ConnectionListing","items":["# + "\n"
        case .yaml: "apiVersion: \(DocumentText.apiVersion)\nkind: ConnectionListing\nitems:\n"
        default: ""
        }
    }

    /// The text that one more connection brings: nothing, while widths are being found.
    mutating func take(_ connection: IPVSConnection) throws -> String {
        defer { count += 1 }
        switch format {
        case .json: return (count == 0 ? "" : ",\n") + (try DocumentText.jsonLine(ConnectionItem(connection, serviceOf(connection))))
        // A flow mapping is YAML, too, and one to a line needs no more than the line.
        case .yaml: return "- " + (try DocumentText.jsonLine(ConnectionItem(connection, serviceOf(connection)))) + "\n"
        case .name: return "\(connection.client)\n"
        case .table, .wide:
            waiting.append(row(connection))
            return widths.isEmpty && waiting.count < Self.sample ? "" : flush()
        }
    }

    /// What is left at the end.
    mutating func finish() -> String {
        switch format {
        case .json: "\n]}\n"
        // An empty mapping value would be null.
        case .yaml: count == 0 ? "  []\n" : ""
        case .name: ""
        case .table, .wide: flush()
        }
    }

    private var titles: [String] {
        ["PROTOCOL", "CLIENT", "VIRTUAL SERVER", "REAL SERVER", "STATE", "SECONDS LEFT"] + (format == .wide ? ["SERVICE", "ENGINE"] : [])
    }

    private func row(_ connection: IPVSConnection) -> [String] {
        var row = [
            connection.transport.description, connection.client.description,
            connection.firewallMark.map { "fwmark \($0)" } ?? connection.virtual.description, connection.realServer.description,
            connection.isTemplate ? "template" : connection.state.description, "\(connection.secondsLeft)",
        ]
        if format == .wide {
            row += [serviceOf(connection) ?? "-", connection.engine.map { "\($0.name) \(Self.printable($0.data))" } ?? "-"]
        }
        return row
    }

    /// A stranger's text for one cell.
    static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(60).map { $0.properties.generalCategory == .control ? "\u{fffd}" : $0 }))
    }

    private mutating func flush() -> String {
        var text = ""
        if widths.isEmpty {
            widths = titles.map(\.count)
            for row in waiting { for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) } }
            text = line(titles)
        }
        for row in waiting { text += line(row) }
        waiting.removeAll(keepingCapacity: true)
        return text
    }

    private func line(_ cells: [String]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let isLast = index == cells.count - 1
            line += cell + (isLast ? "\n" : String(repeating: " ", count: max(widths[index] - cell.count, 0) + 3))
        }
        return line
    }
}

/// A connection as a document.
struct ConnectionItem: Encodable {
    var `protocol`: String
    var client: SocketDocument
    var virtualServer: SocketDocument?
    var firewallMark: UInt32?
    var realServer: SocketDocument
    var state: String
    var isTemplate: Bool
    var secondsLeft: UInt32
    var service: String?
    var engine: Engine?

    struct SocketDocument: Encodable {
        var address: String
        var port: UInt16
    }

    struct Engine: Encodable {
        var name: String
        var data: String
    }

    init(_ connection: IPVSConnection, _ service: String?) {
        self.protocol = connection.transport.description
        client = .init(address: connection.client.address.description, port: connection.client.port)
        firewallMark = connection.firewallMark
        if firewallMark == nil { virtualServer = .init(address: connection.virtual.address.description, port: connection.virtual.port) }
        realServer = .init(address: connection.realServer.address.description, port: connection.realServer.port)
        state = connection.state.description
        isTemplate = connection.isTemplate
        secondsLeft = connection.secondsLeft
        self.service = service
        engine = connection.engine.map { .init(name: $0.name, data: $0.data) }
    }
}
