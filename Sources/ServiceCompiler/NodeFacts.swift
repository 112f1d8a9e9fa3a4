package import Addresses
package import ServiceModel

/// What the compiler knows of the node it compiles for.
package struct NodeFacts: Equatable, Sendable {
    package var name: String
    package var zone: String?
    /// The ranges of this node's own pods.
    package var podRanges: [IPPrefix]
    /// What the node's links hold, other than ours.
    package var addresses: Set<IPAddress>
    /// What the Node object names, internal addresses first.
    package var namedAddresses: [IPAddress]
    /// The families that this node's kernel speaks.
    package var families: Set<AddressFamily>
    /// The kernel's release.
    package var kernel: KernelVersion

    package init(
        name: String, zone: String? = nil, podRanges: [IPPrefix] = [], addresses: Set<IPAddress> = [],
        namedAddresses: [IPAddress] = [], families: Set<AddressFamily> = Set(AddressFamily.allCases),
        kernel: KernelVersion = KernelVersion(6, 1)
    ) {
        self.name = name
        self.zone = zone
        self.podRanges = podRanges
        self.addresses = addresses
        self.namedAddresses = namedAddresses
        self.families = families
        self.kernel = kernel
    }
}

extension NodeFacts {
    /// Takes over what the cluster says of this node; nil where it says nothing (any more).
    package mutating func take(_ node: Node?) {
        zone = node?.zone
        podRanges = node?.podRanges ?? []
        namedAddresses = node?.addresses ?? []
    }

    /// The address of that family by which the cluster knows this node.
    package func primaryAddress(_ family: AddressFamily) -> IPAddress? { namedAddresses.first { $0.family == family } }
}

/// A kernel's release as far as it decides anything: 6.1 of `6.1.0-37-amd64`.
package struct KernelVersion: Hashable, Sendable, Comparable {
    package let major: Int
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads what `uname -r` prints; nil where it does not begin with two numbers.
    package init?(release: String) {
        let numbers = release.split(separator: ".", maxSplits: 2).prefix(2).compactMap { Int($0.prefix { $0.isASCII && $0.isNumber }) }
        guard numbers.count == 2 else { return nil }
        self.init(numbers[0], numbers[1])
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.major != right.major ? left.major < right.major : left.minor < right.minor
    }
}
