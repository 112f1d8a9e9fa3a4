internal import Glibc
internal import NIOCore
internal import NIOPosix

/// What checks over a socket have in common: one report, what is waited for, and an end.
///
/// Subclasses are the channel's last handler.
class ConnectionCheck: RunningCheck {
    let target: CheckTarget
    private var report: ((CheckOutcome) -> Void)?
    private var channel: (any Channel)?
    private var hasEnded = false
    /// What has to come next, for what is said where it does not.
    var awaited = "a connection"

    init(_ target: CheckTarget, report: @escaping (CheckOutcome) -> Void) {
        self.target = target
        self.report = report
    }

    /// Whether nothing was reported yet.
    final var isOpen: Bool { report != nil }

    /// Puts the handlers into the channel's pipeline, this last.
    func install(_ pipeline: ChannelPipeline.SynchronousOperations) throws {}

    var silence: CheckOutcome { .bad("waited \(target.timeout.short) for \(awaited)") }

    /// Reports, the first time.
    final func give(_ outcome: CheckOutcome) {
        guard let report else { return }
        self.report = nil
        report(outcome)
    }

    final func fail(_ error: any Error) {
        give(target.failures.outcome(of: error, at: target.address, awaiting: awaited))
        end()
    }

    /// Closes our side so that the backend sees an end of the connection and no reset: after its own end, the channel closes. What it still
    /// sends is read and dropped meanwhile, up to a bound, since unread bytes would make a reset of the close.
    final func leave() { channel?.close(mode: .output, promise: nil) }

    final func end() {
        report = nil
        hasEnded = true
        guard let channel else { return }
        self.channel = nil
        channel.close(promise: nil)
    }

    /// Makes the channel its own; called from the channel's initializer, which runs before the connection is begun.
    fileprivate func adopt(_ channel: any Channel) throws {
        guard !hasEnded else { throw ChannelError.ioOnClosedChannel }
        self.channel = channel
        try install(channel.pipeline.syncOperations)
    }

    /// What a bootstrap does with a new channel.
    final var initializer: @Sendable (any Channel) -> EventLoopFuture<Void> {
        let check = NIOLoopBound(self, eventLoop: target.loop)
        return { channel in channel.eventLoop.makeCompletedFuture { try check.value.adopt(channel) } }
    }

    /// Hears of a connection that fails. One that succeeds says so to the handler.
    final func follow(_ future: EventLoopFuture<any Channel>) {
        future.assumeIsolated().whenFailure { self.fail($0) }
    }

    /// Begins a TCP connection.
    final func connect() {
        // The time is kept by who begins checks; the bootstrap's own limit only must not come before.
        var bootstrap = ClientBootstrap(group: target.loop).connectTimeout(TimeAmount(target.timeout) + .seconds(5))
            .channelInitializer(initializer)
        if let mark = target.mark { bootstrap = bootstrap.channelOption(.mark, value: SocketOptionValue(CInt(bitPattern: mark))) }
        follow(bootstrap.connect(to: target.address))
    }

    /// Opens a datagram socket that sends to the target and hears from it only.
    final func connectDatagrams(_ subtype: NIOBSDSocket.ProtocolSubtype = .default) {
        var bootstrap = DatagramBootstrap(group: target.loop).protocolSubtype(subtype).channelInitializer(initializer)
        if let mark = target.mark { bootstrap = bootstrap.channelOption(.mark, value: SocketOptionValue(CInt(bitPattern: mark))) }
        follow(bootstrap.connect(to: target.address))
    }
}

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
    /// The firewall mark of what the socket sends; needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17.
    static var mark: Self { .socketOption(NIOBSDSocket.Option(rawValue: SO_MARK)) }
}
