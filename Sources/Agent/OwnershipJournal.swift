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

    /// Remembers a change before it returns, which comes to the whole as it is then. What cannot be written is reported.
    ///
    /// The work is that of the change. The whole is asked for where it has to be written anew, which is seldom.
    func remember(_ change: JournalChange, of whole: () -> JournalContent, reporting logger: Logger)
}

/// What a journal holds.
package struct JournalContent: Equatable, Sendable {
    package var virtualServers: Set<VirtualServer.Key>
    /// At most ``mostDrains``: of more, the deadlines are lost with the process.
    package var drains: [DrainName: DrainRecord]

    package static let mostDrains = 4096

    package init(virtualServers: Set<VirtualServer.Key> = [], drains: [DrainName: DrainRecord] = [:]) {
        self.virtualServers = virtualServers
        self.drains = drains
    }

    package mutating func apply(_ change: JournalChange) {
        virtualServers.formUnion(change.virtualServers)
        virtualServers.subtract(change.forgotten)
        for name in change.ended { drains[name] = nil }
        for record in change.drains where drains.count < Self.mostDrains || drains[record.name] != nil { drains[record.name] = record }
    }
}

/// What is to be remembered that was not, and what no longer.
package struct JournalChange: Equatable, Sendable {
    package var virtualServers: Set<VirtualServer.Key> = []
    package var forgotten: Set<VirtualServer.Key> = []
    package var drains: [DrainRecord] = []
    package var ended: [DrainName] = []

    package init() {}

    package var isEmpty: Bool { virtualServers.isEmpty && forgotten.isEmpty && drains.isEmpty && ended.isEmpty }
}
