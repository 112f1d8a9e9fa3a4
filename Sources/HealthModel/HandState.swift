/// What people say of a backend; it outranks what probes say.
package enum HandState: String, Hashable, Sendable, CaseIterable {
    /// It serves, whatever probes say.
    case ready
    /// No new connections; those that it has go on until they end or their time is up, and sticky clients with them where that is asked for.
    case drain
    /// The same, but it is not probed meanwhile, and keeps no sticky clients.
    case maintenance

    /// Whether it takes the backend out of service.
    package var rests: Bool { self != .ready }
}
