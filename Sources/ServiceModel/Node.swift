package import Addresses

/// A `v1` Node, as far as balancing on it needs it.
package struct Node: Equatable, Sendable {
    package var name: String
    /// `status.addresses` of type InternalIP, then those of type ExternalIP.
    package var addresses: [IPAddress]
    /// `spec.podCIDRs`.
    package var podRanges: [IPPrefix]
    /// The label `topology.kubernetes.io/zone`.
    package var zone: String?
    /// Why it is to be given no new traffic: it is being deleted, or tainted by its autoscaler; nil where it stays.
    package var leaving: String?

    package init(
        name: String, addresses: [IPAddress] = [], podRanges: [IPPrefix] = [], zone: String? = nil, leaving: String? = nil
    ) {
        self.name = name
        self.addresses = addresses
        self.podRanges = podRanges
        self.zone = zone
        self.leaving = leaving
    }
}
