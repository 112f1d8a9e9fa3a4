package import Addresses
package import IPVSModel

/// One change to the kernel that can succeed or fail on its own.
package enum Operation: Hashable, Sendable {
    case setSysctl(String, to: String)
    case setTimeouts(ConnectionTimeouts)

    case createSet(SetDefinition)
    /// Makes a set that stands anew with more room, and puts it in the old one's place in one step: at no moment does a rule that matches it
    /// miss an entry.
    case growSet(SetDefinition)
    /// Removes what a growth that was cut short left behind.
    case destroyLeftoverSet
    case destroySet(SetKey)
    case addMember(SetMember)
    case removeMember(SetMember)

    case changeRules(RuleChange)

    case createLink(String)
    /// Takes ARP off a dummy link that has it.
    case silenceLink(String)
    case removeLink(String)
    case addAddress(IPAddress)
    case removeAddress(IPAddress)

    case addVirtualServer(VirtualServer)
    case updateVirtualServer(VirtualServer)
    /// Takes its real servers with it.
    case removeVirtualServer(VirtualServer.Key)
    case addRealServer(RealServer, to: VirtualServer.Key)
    case updateRealServer(RealServer, of: VirtualServer.Key)
    case removeRealServer(RealServer.Key, from: VirtualServer.Key)
}

extension Operation {
    /// The part of the node's state that the operation changes.
    package var scope: ObservationScope {
        switch self {
        case .setSysctl: .sysctls
        case .createSet, .growSet, .destroyLeftoverSet, .destroySet, .addMember, .removeMember: .sets
        case .changeRules: .rules
        case .createLink, .silenceLink, .removeLink, .addAddress, .removeAddress: .link
        case .setTimeouts, .addVirtualServer, .updateVirtualServer, .removeVirtualServer, .addRealServer, .updateRealServer,
            .removeRealServer:
            .virtualServers
        }
    }

    /// Whether it takes away something that may serve traffic: a server, an address, an entry.
    package var removesSomething: Bool {
        switch self {
        case .removeMember, .removeAddress, .removeVirtualServer, .removeRealServer: true
        default: false
        }
    }
}
