package import Addresses
package import IPVSModel
package import NodeModel

/// A piece of what stands, as a sweep comes by it.
///
/// The kernel goes on changing while a sweep lasts, and its dumps go by position: one of virtual servers can miss an entry, or show it twice,
/// when others are added or removed meanwhile. So that something is missing is a suspicion, to be made sure of by an exact look.
package enum Sighting: Sendable {
    /// Virtual servers as they stand, without their real servers.
    case virtualServers([VirtualServer])
    /// All real servers of these virtual servers, as far as the fast look shows them: forwarding and weight. Thresholds read as 0, every
    /// tunnel as IPIP without checksum (see `asFastLookShows`).
    case realServers([VirtualServer.Key: [RealServer.Key: RealServer.Configuration]])
    case timeouts(ConnectionTimeouts)
    case sysctls([String: String])
    case link(DummyLink)
    /// Addresses that are bound to the dummy link as /32 or /128.
    case addresses([IPAddress])
    /// The addresses of all other links, all of them, each with the name of the link that holds it.
    case otherAddresses([IPAddress: String])
    /// A set that stands, without its entries.
    case set(SetKey, ObservedSet)
    /// Entries of a set that stands.
    case members(SetKey, [SetEntry])
    /// This part has been passed whole: what was not named does not stand, or was missed.
    case passed(ObservationScope)
    /// This part cannot be seen now, or not to its end.
    case hidden(ObservationScope, KernelFailure)
}

extension RealServer.Configuration {
    /// What a fast look shows of this: the rest reads as the default.
    package var asFastLookShows: Self {
        var shown = self
        (shown.upperThreshold, shown.lowerThreshold) = (0, 0)
        if case .tunnel = forwarding { shown.forwarding = .tunnel(.ipip) }
        return shown
    }

    /// Whether a fast look shows all of this.
    package var isShownWhole: Bool { self == asFastLookShows }
}
