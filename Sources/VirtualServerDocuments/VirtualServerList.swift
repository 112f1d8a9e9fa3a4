import Addresses
package import IPVSModel
package import NodeModel

/// Virtual servers with everything that the kernel keeps of them but what it counts: what `ipvsctl save` writes, and what it takes back.
///
/// Nothing of a configuration is left out, so that a table that is saved and restored is the same table.
package struct VirtualServerList: Equatable, Sendable {
    package static let apiVersion = "ipvs-agent.dev/v1alpha1"
    package static let kind = "VirtualServerList"

    package var servers: [VirtualServer.Key: VirtualServerState]

    package init(_ servers: [VirtualServer.Key: VirtualServerState] = [:]) { self.servers = servers }
}

extension VirtualServerList {
    /// The form in which the list is written as JSON or YAML: by key, so that the same list always gives the same text.
    package var document: VirtualServerListDocument {
        VirtualServerListDocument(
            items: servers.sorted { $0.key < $1.key }.map { key, state in
                .init(metadata: .init(name: key.objectName), spec: VirtualServerSpec(key, state))
            })
    }
}

/// The document of a list.
package struct VirtualServerListDocument: Encodable, Sendable {
    package let apiVersion = VirtualServerList.apiVersion
    package let kind = VirtualServerList.kind
    package var items: [Item]

    package struct Item: Encodable, Sendable {
        package var metadata: Metadata
        package var spec: VirtualServerSpec
    }

    package struct Metadata: Encodable, Sendable {
        package var name: String
    }
}

extension VirtualServer.Key {
    /// A name as Kubernetes' objects have them: `tcp-10.96.0.10-80`, `udp-fd00--a-53`, `fwmark-7-ipv4`.
    package var objectName: String {
        switch self {
        case .address(let address, let port, let transport):
            "\(transport)-\(String(address.description.map { $0 == ":" ? "-" : $0 }))-\(port)"
        case .firewallMark(let mark, let family): "fwmark-\(mark)-\(family.description.lowercased())"
        }
    }
}
