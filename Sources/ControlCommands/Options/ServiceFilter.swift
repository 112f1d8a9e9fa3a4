import ArgumentParser
import CommandSupport
import IPVS

/// Which Services are meant. The agent alone knows them, so without one nothing is meant by a namespace or a name, and labels cannot be asked for.
struct ServiceFilter: ParsableArguments {
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("Only those of Services in this namespace.", valueName: "namespace"))
    var namespace: String?

    @Option(help: ArgumentHelp("Only those of this Service: web or default/web.", valueName: "name"))
    var service: String?

    @Option(
        name: [.customShort("l"), .long],
        help: ArgumentHelp(
            "Only those of Services with these labels, as kubectl takes them: app=web,tier!=test, 'app in (web, api)', app, '!app'.",
            valueName: "labels"), transform: LabelSelector.init)
    var selector: LabelSelector?

    var isEmpty: Bool { namespace == nil && service == nil && selector == nil }

    /// Refuses to choose by labels where nobody says them: an empty listing would say that there are none.
    func check(_ knowledge: AgentKnowledge) throws(CommandFailure) {
        guard selector != nil else { return }
        if let absence = knowledge.absence {
            throw CommandFailure(
                "labels are known to the agent alone, and \(absence); start it or name its socket (--socket), or choose by --address and --port, which the kernel knows"
            )
        }
        guard knowledge.tellsLabels else {
            throw CommandFailure("the agent that answers is of a version that does not tell labels; restart it with this program's")
        }
    }

    /// Whether what belongs to a Service is meant. What belongs to none has no name and no labels, and is not.
    func admits(_ name: String?, _ knowledge: AgentKnowledge) -> Bool {
        if let namespace, name?.hasPrefix(namespace + "/") != true { return false }
        if let service {
            guard let name, name == service || name.hasSuffix("/" + service) else { return false }
        }
        guard let selector else { return true }
        return name.flatMap { knowledge.labels(of: $0) }.map(selector.holds) ?? false
    }
}

/// Where something is reached; the port may be any.
struct End: Equatable {
    var address: IPAddress
    var port: UInt16?

    init(_ address: IPAddress, port: UInt16?) { (self.address, self.port) = (address, port) }
    init(_ server: RealServer.Key) { self.init(server.address, port: server.port) }
}

/// Which ends are meant: addresses and ports, of a virtual server or of what stands behind it.
struct PlaceFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only those with this address, or in this range.", valueName: "address|range"))
    var address: String?

    @Option(help: ArgumentHelp("Only those with this port.", valueName: "port"))
    var port: UInt16?

    func validate() throws {
        if let address, IPPrefix(address) == nil, IPAddress(address) == nil {
            throw ValidationError("--address \(address) is neither an IP address nor a range such as 10.96.0.0/12")
        }
    }

    var isEmpty: Bool { address == nil && port == nil }

    /// Whether one of the ends has the address, and one of them the port.
    func admits(_ ends: [End]) -> Bool {
        if let address, !ends.contains(where: { FilterOptions.holds(address, $0.address) }) { return false }
        return port.map { port in ends.contains { $0.port == port } } ?? true
    }
}
