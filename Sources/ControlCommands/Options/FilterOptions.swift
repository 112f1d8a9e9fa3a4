import ArgumentParser
import IPVS
import Telemetry

/// Which of all virtual servers are meant. What only the agent knows (namespace, service, state) is true of nothing where none answers.
struct FilterOptions: ParsableArguments {
    @OptionGroup var services: ServiceFilter
    @OptionGroup var places: PlaceFilter

    @Option(name: .customLong("protocol"), help: ArgumentHelp("Only tcp, udp or sctp.", valueName: "protocol"))
    var transport: String?

    @Option(help: ArgumentHelp("Only those in this state: inForce, missing, different, unknown or unmanaged.", valueName: "state"))
    var state: String?

    func validate() throws {
        if let transport, TransportProtocol(name: transport) == nil {
            throw ValidationError("--protocol \(transport) is none of tcp, udp, sctp")
        }
        let states = ["inForce", "missing", "different", "unknown", ServiceItem.unmanaged]
        if let state, !states.contains(where: { $0.lowercased() == state.lowercased() }) {
            throw ValidationError("--state \(state) is none of \(states.joined(separator: ", "))")
        }
    }

    /// Whether a virtual server is meant. The address and port of its real server count too, where one is given.
    func admits(_ key: VirtualServer.Key, _ knowledge: AgentKnowledge, realServer: RealServer.Key? = nil) -> Bool {
        let entry = knowledge[key]
        guard services.admits(entry?.service, knowledge) else { return false }
        if let state, (entry?.state.rawValue ?? ServiceItem.unmanaged).lowercased() != state.lowercased() { return false }
        var ends = realServer.map { [End($0)] } ?? []
        switch key {
        case .address(let address, let port, let ownTransport):
            if let transport, TransportProtocol(name: transport) != ownTransport { return false }
            ends.append(End(address, port: port))
        case .firewallMark: if transport != nil { return false }
        }
        return places.admits(ends)
    }

    static func holds(_ text: String, _ address: IPAddress) -> Bool {
        if let range = IPPrefix(text) { return range.contains(address) }
        return IPAddress(text) == address
    }
}
