import CommandSupport
import IPVS
import NearNames
import VirtualServerDocuments

/// Finds the virtual servers that a person names: `web`, `default/web`, `10.96.0.10:80`, `tcp 10.96.0.10:80`, `fwmark 7`, `tcp-10.96.0.10-80`.
struct ServiceNames {
    private let keys: [VirtualServer.Key]
    private let knowledge: AgentKnowledge

    init(_ keys: [VirtualServer.Key], _ knowledge: AgentKnowledge) {
        self.keys = keys
        self.knowledge = knowledge
    }

    /// All that a name means; at least one.
    func keys(of name: String) throws(CommandFailure) -> [VirtualServer.Key] {
        if let found = byAddress(name) {
            guard !found.isEmpty else {
                throw CommandFailure("there is no virtual server \(name)" + NearNames.suggestion(for: name, among: addressNames))
            }
            return found
        }
        if let key = keys.first(where: { $0.objectName == name }) { return [key] }
        let names = Set(knowledge.entries.values.map(\.service))
        for matches in [
            names.filter { $0 == name }, names.filter { $0.hasSuffix("/" + name) },
            names.filter { Self.lastPart($0).hasPrefix(name) || $0.hasPrefix(name) },
        ] where !matches.isEmpty {
            guard matches.count == 1, let service = matches.first else {
                throw CommandFailure("\(name) is more than one Service: \(matches.sorted().prefix(10).joined(separator: ", "))")
            }
            return keys.filter { knowledge[$0]?.service == service }
        }
        let unknown = knowledge.absence.map { " (\($0), so Services' names are not known: say ADDRESS:PORT)" } ?? ""
        throw CommandFailure(
            "there is no Service \(name)" + NearNames.suggestion(for: name, among: names.flatMap { [$0, Self.lastPart($0)] }.sorted())
                + unknown)
    }

    private static func lastPart(_ name: String) -> String { String(name.split(separator: "/").last ?? "") }

    private var addressNames: [String] {
        keys.compactMap { key in
            if case .address(let address, let port, _) = key { RealServer.Key(address, port: port).description } else { nil }
        }
    }

    /// Nil where the name is none of the kernel's words.
    private func byAddress(_ name: String) -> [VirtualServer.Key]? {
        let words = name.split(separator: " ").map(String.init)
        if words.first == "fwmark", words.count >= 2, let mark = UInt32(words[1]) {
            return keys.filter { if case .firewallMark(mark, _) = $0 { true } else { false } }
        }
        var (text, transport) = (name, TransportProtocol?.none)
        if words.count == 2, let named = TransportProtocol(name: words[0]) { (text, transport) = (words[1], named) }
        if let slash = text.lastIndex(of: "/"), let named = TransportProtocol(name: String(text[text.index(after: slash)...])) {
            (text, transport) = (String(text[..<slash]), named)
        }
        let wanted: (address: IPAddress, port: UInt16?)
        if let socket = RealServer.Key(text) {
            wanted = (socket.address, socket.port)
        } else if let address = IPAddress(text) {
            wanted = (address, nil)
        } else {
            return nil
        }
        return keys.filter { key in
            guard case .address(let address, let port, let own) = key else { return false }
            return address == wanted.address && wanted.port.map { $0 == port } ?? true && transport.map { $0 == own } ?? true
        }
    }
}
