package import Addresses
package import ServiceModel

/// What the compiler knows of the node it compiles for.
package struct NodeFacts: Equatable, Sendable {
    package var name: String
    package var zone: String?
    /// The ranges of this node's own pods.
    package var podRanges: [IPPrefix]
    /// The families that this node's kernel speaks.
    package var families: Set<AddressFamily>

    package init(
        name: String, zone: String? = nil, podRanges: [IPPrefix] = [], families: Set<AddressFamily> = Set(AddressFamily.allCases)
    ) {
        self.name = name
        self.zone = zone
        self.podRanges = podRanges
        self.families = families
    }
}

extension NodeFacts {
    /// Takes over what the cluster says of this node; nil where it says nothing (any more).
    package mutating func take(_ node: Node?) {
        zone = node?.zone
        podRanges = node?.podRanges ?? []
    }
}
