package import IPVSModel
package import Logging

/// Remembers, beside the kernel, what the kernel does not show.
///
/// That is: the virtual servers that are ours although their address is not bound, for moments only (after a virtual server is made and
/// before its address is bound, or after the address is unbound and before the server is removed: without this, one left behind by a kill
/// between the two could not be told from others'); and until when real servers are drained. Losing it loses that, never a connection.
package protocol OwnershipJournal {
    /// What was last remembered. What cannot be read counts as nothing, and is reported.
    func remembered(reporting logger: Logger) -> JournalContent

    /// Remembers this, and only this, before it returns. What cannot be written is reported.
    func remember(_ content: JournalContent, reporting logger: Logger)
}

/// What a journal holds.
package struct JournalContent: Equatable, Sendable {
    package var virtualServers: Set<VirtualServer.Key>
    /// At most ``mostDrains``: of more, the deadlines are lost with the process.
    package var drains: [DrainRecord]

    package static let mostDrains = 4096

    package init(virtualServers: Set<VirtualServer.Key> = [], drains: [DrainRecord] = []) {
        self.virtualServers = virtualServers
        self.drains = drains
    }
}
