package import Addresses
package import IPVSModel

/// What one owner contributes to the node's state: its addresses, virtual servers and set entries.
///
/// Addresses and entries may be contributed by several owners, and stand as long as one of them does. A virtual server has one
/// owner: of several claims the one that takes precedence counts, and with it the entries that say how this virtual server is treated.
/// A virtual server on an address that is named in neither of the two sets stands on an address of the node itself: nothing is bound for it.
package struct NodeShare: Equatable, Sendable {
    package var precedence: Precedence
    /// Bound to our link, and served from there only: where another link holds one, its virtual servers would catch the node's own
    /// traffic, so they are not made.
    package var addresses: Set<IPAddress> = []
    /// Bound to our link unless another link holds them, and served either way: addresses that people name, and may have given to the
    /// node themselves.
    package var externalAddresses: Set<IPAddress> = []
    package var members: Set<SetMember> = []
    /// Entries that stand only while this owner has the virtual server: policies and source ranges of another would not be its own.
    package var membersOfServers: [VirtualServer.Key: Set<SetMember>] = [:]
    package var virtualServers: [VirtualServer.Key: VirtualServerState] = [:]

    package init(precedence: Precedence) { self.precedence = precedence }

    /// Who comes first of several that claim the same thing: the older, then the first by name.
    package struct Precedence: Hashable, Sendable, Comparable {
        /// Seconds since 1970; nil is last.
        package var created: Int64?
        /// A name that no other owner has.
        package var owner: String
        /// Whether the owner is a Service, and not something of the agent's own.
        package var isOfService = true
        /// Whether nobody asks for it any more, and it stands only until its connections have ended: whoever does ask comes first.
        package var isLeaving = false

        package init(created: Int64?, owner: String) {
            self.created = created
            self.owner = owner
        }

        /// The share of what is left of a virtual server that nobody asks for any more.
        package static func leaving(_ key: VirtualServer.Key) -> Self {
            // No owner's name has blanks.
            var precedence = Self(created: nil, owner: "what is left of \(key)")
            precedence.isLeaving = true
            return precedence
        }

        package static func < (left: Self, right: Self) -> Bool {
            if left.isLeaving != right.isLeaving { return right.isLeaving }
            let (leftTime, rightTime) = (left.created ?? .max, right.created ?? .max)
            return leftTime != rightTime ? leftTime < rightTime : left.owner < right.owner
        }
    }
}

/// What the node needs whatever services there are: settings, the link, sets and rules.
package struct NodeBase: Equatable, Sendable {
    package var sysctls: [String: SysctlWish] = [:]
    /// 0 leaves a timeout as it is.
    package var timeouts = ConnectionTimeouts()
    package var linkName: String
    package var sets: [SetDefinition] = []
    package var rules: [AddressFamily: RuleTables] = [:]
    /// In which order real servers are made.
    package var turns = ServerTurns()

    package init(linkName: String) { self.linkName = linkName }
}
