/// What applying operations has cost: where the time went, and how much was sent.
package struct KernelCost: Equatable, Sendable {
    /// A part of the kernel that operations go to.
    package enum Subsystem: String, CaseIterable, Sendable {
        case ipvs
        case sets
        /// The dummy link and its addresses.
        case links
        case rules
        case sysctls
    }

    /// The time from the first message to the last answer, by subsystem; nothing where none was written to.
    package private(set) var durations: [Subsystem: Duration] = [:]
    /// Netlink messages to IPVS and about links. (libipset sends those about sets, and does not count.)
    package var messages = 0
    /// Datagrams that held them.
    package var sends = 0
    /// Processes that were started.
    package var processes = 0

    package init() {}

    package mutating func spend(_ duration: Duration, on subsystem: Subsystem) { durations[subsystem, default: .zero] += duration }
}
