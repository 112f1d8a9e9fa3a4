package import IPVSModel
package import Logging

/// Remembers, beside the kernel, the virtual servers that are ours although their address is not bound.
///
/// Such keys exist for moments only: after a virtual server is made and before its address is bound, or after the address is
/// unbound and before the server is removed. Without this, one left behind by a kill between the two could not be told from others'.
/// Losing it loses that, never a connection.
package protocol OwnershipJournal {
    /// What was last remembered. What cannot be read counts as nothing, and is reported.
    func remembered(reporting logger: Logger) -> Set<VirtualServer.Key>

    /// Remembers these, and only these, before it returns. What cannot be written is reported.
    func remember(_ keys: Set<VirtualServer.Key>, reporting logger: Logger)
}
