import ArgumentParser
import CommandSupport
import IPVS
import Links

/// `ipvsctl get addresses`: where virtual addresses are bound.
struct GetAddresses: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "addresses", abstract: "List the addresses of virtual servers, and which link holds them.",
        discussion: "An address that no link holds is not this node's: packets to it go by.", aliases: ["address", "addr", "ip"])

    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link")) var link = NodeLinks.defaultName
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            let knowledge = await agent.knowledge()
            let links = try NodeLinks.read()
            let keys = try kernel.withKernel { (handle) throws(IPVSError) in try handle.virtualServers().map(\.server.key) }
            return ItemList(items: AddressItem.all(keys, links, dummy: link, knowledge), notes: knowledge.notes)
        }
    }
}

/// Links and their addresses as they are.
struct NodeLinks {
    /// The agent's setting `dummyLink` where nothing is said.
    static let defaultName = "kube-ipvs0"

    var links: [Link]
    var addresses: [LinkAddress]

    static func read() throws -> NodeLinks {
        do throws(LinkError) {
            var socket = try LinkSocket()
            return NodeLinks(links: try socket.links(), addresses: try socket.addresses())
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    func link(_ index: Int32) -> Link? { links.first { $0.index == index } }
}

/// A virtual address in a listing.
struct AddressItem: ListedItem {
    static let kind = "AddressListing"

    var address: IPAddress
    /// Nil where no link holds it.
    var link: String?
    var linkKind: String?
    var prefixLength: Int?
    var virtualServers: [VirtualServer.Key]
    var services: [String]

    var name: String { address.description }

    static var columns: [ListedColumn<AddressItem>] {
        [
            .text("ADDRESS") { $0.name },
            .text("LINK") { $0.link ?? "none" }.toned { $0.link == nil ? .bad : .plain },
            .text("KIND") { $0.linkKind ?? "" },
            .number("VIRTUAL SERVERS") { $0.virtualServers.count },
            .text("SERVICE", .ifAny) { $0.services.joined(separator: ",") },
        ]
    }

    /// Every address that the dummy link holds or a virtual server stands on.
    static func all(_ keys: [VirtualServer.Key], _ links: NodeLinks, dummy: String, _ knowledge: AgentKnowledge) -> [AddressItem] {
        var holders: [IPAddress: (Link, Int)] = [:]
        var onDummy: Set<IPAddress> = []
        for held in links.addresses {
            guard let link = links.link(held.linkIndex) else { continue }
            if link.name == dummy, held.isHostAddress { onDummy.insert(held.address) }
            if holders[held.address] == nil || link.name == dummy { holders[held.address] = (link, held.prefixLength) }
        }
        let byAddress = Dictionary(grouping: keys.filter { $0.address != nil }) { $0.address ?? IPAddress(ipv4: 0) }
        return onDummy.union(byAddress.keys).sorted().map { address in
            let (link, length) = holders[address].map { ($0.0, $0.1) } ?? (nil, nil)
            let servers = (byAddress[address] ?? []).sorted()
            return AddressItem(
                address: address, link: link?.name, linkKind: link?.kind, prefixLength: length, virtualServers: servers,
                services: Set(servers.compactMap { knowledge[$0]?.service }).sorted())
        }
    }

    private enum Field: String, CodingKey { case address, link, linkKind, prefixLength, virtualServers, services }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(address.description, forKey: .address)
        try container.encodeIfPresent(link, forKey: .link)
        try container.encodeIfPresent(linkKind, forKey: .linkKind)
        try container.encodeIfPresent(prefixLength, forKey: .prefixLength)
        try container.encode(virtualServers.map(KeyDocument.init), forKey: .virtualServers)
        try container.encode(services, forKey: .services)
    }
}
