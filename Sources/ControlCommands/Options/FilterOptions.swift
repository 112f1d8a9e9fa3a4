import ArgumentParser
import IPVS
import Telemetry

/// Which of all virtual servers are meant. What only the agent knows (namespace, service, state) is true of nothing where none answers.
struct FilterOptions: ParsableArguments {
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("Only those of Services in this namespace.", valueName: "namespace"))
    var namespace: String?

    @Option(help: ArgumentHelp("Only those of this Service: web or default/web.", valueName: "name"))
    var service: String?

    @Option(help: ArgumentHelp("Only those with this address, or in this range.", valueName: "address|range"))
    var address: String?

    @Option(help: ArgumentHelp("Only those with this port.", valueName: "port"))
    var port: UInt16?

    @Option(name: .customLong("protocol"), help: ArgumentHelp("Only tcp, udp or sctp.", valueName: "protocol"))
    var transport: String?

    @Option(help: ArgumentHelp("Only those in this state: inForce, missing, different, unknown or unmanaged.", valueName: "state"))
    var state: String?

    func validate() throws {
        if let address, IPPrefix(address) == nil, IPAddress(address) == nil {
            throw ValidationError("--address \(address) is neither an IP address nor a range such as 10.96.0.0/12")
        }
        if let transport, TransportProtocol(name: transport) == nil {
            throw ValidationError("--protocol \(transport) is none of tcp, udp, sctp")
        }
        let states = ["inForce", "missing", "different", "unknown", ServiceItem.unmanaged]
        if let state, !states.contains(where: { $0.lowercased() == state.lowercased() }) {
            throw ValidationError("--state \(state) is none of \(states.joined(separator: ", "))")
        }
    }

    /// Whether anything is left out.
    var isEmpty: Bool {
        namespace == nil && service == nil && address == nil && port == nil && transport == nil && state == nil
    }

    /// Whether a virtual server is meant. `others` are addresses and ports of its real servers, which count too where they are known.
    func admits(_ key: VirtualServer.Key, _ entry: AgentKnowledge.Entry?, realServer: RealServer.Key? = nil) -> Bool {
        if let namespace, entry?.service.hasPrefix(namespace + "/") != true { return false }
        if let service {
            guard let name = entry?.service, name == service || name.hasSuffix("/" + service) else { return false }
        }
        if let state, (entry?.state.rawValue ?? ServiceItem.unmanaged).lowercased() != state.lowercased() { return false }
        switch key {
        case .address(let own, let ownPort, let ownTransport):
            if let address, !Self.holds(address, own), realServer.map({ Self.holds(address, $0.address) }) != true { return false }
            if let port, port != ownPort, port != realServer?.port { return false }
            if let transport, TransportProtocol(name: transport) != ownTransport { return false }
        case .firewallMark:
            if transport != nil { return false }
            if let address, realServer.map({ Self.holds(address, $0.address) }) != true { return false }
            if let port, port != realServer?.port { return false }
        }
        return true
    }

    static func holds(_ text: String, _ address: IPAddress) -> Bool {
        if let range = IPPrefix(text) { return range.contains(address) }
        return IPAddress(text) == address
    }
}
