import IPSetReading
import IPVS
import Links
import NodeModel
import Planner

/// What of a node tells whose a virtual server is: addresses, and sets where there are any.
struct NodeView {
    var state = NodeState()
    var links: NodeLinks
    /// Why sets could not be read; nil where they were.
    var setProblem: String?

    /// Reads links and sets as they are. A kernel without sets has none, and that is no failure.
    static func read(dummy: String) throws -> NodeView {
        var view = NodeView(links: try NodeLinks.read())
        for held in view.links.addresses {
            guard let link = view.links.link(held.linkIndex) else { continue }
            if link.name == dummy {
                if link.kind == "dummy", held.isHostAddress { view.state.addresses.insert(held.address) }
            } else if view.state.otherAddresses[held.address] == nil {
                view.state.otherAddresses[held.address] = link.name
            }
        }
        do throws(SetError) {
            var reader = try SetReader()
            view.state.sets = try reader.list()
        } catch {
            view.setProblem = "\(error)"
        }
        return view
    }

    /// The sets in which a virtual server stands, each with the entry.
    func entries(of key: VirtualServer.Key) -> [(SetKey, SetEntry)] {
        guard case .address(let address, let port, let transport) = key else { return [] }
        return state.sets.sorted { $0.key < $1.key }.flatMap { set, observed in
            observed.entries.filter { entry in
                switch entry {
                case .address(let own): own == address
                case .addressPort(let own, let ownPort, let ownTransport), .addressPortMark(let own, let ownPort, let ownTransport, _):
                    (own, ownPort, ownTransport) == (address, port, transport)
                case .addressPortAddress(let own, let ownPort, let ownTransport, _),
                    .addressPortNet(let own, let ownPort, let ownTransport, _):
                    (own, ownPort, ownTransport) == (address, port, transport) && set.set != .loopBack
                case .port: false
                }
            }.sorted().map { (set, $0) }
        }
    }
}
