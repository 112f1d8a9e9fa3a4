import NetlinkCodec

/// A netlink socket: requests out, answers back, in batches, with deadlines.
///
/// One exchange at a time, which `mutating` enforces. Nothing waits longer than `timeout` for the kernel's next word.
package struct NetlinkSocket: ~Copyable {
    let channel: any NetlinkChannel

    /// How long one wait for the kernel may last. The kernel answers within the call that sends, so only what is broken waits.
    package var timeout: Duration = .seconds(5)

    /// How often a dump is repeated because the table changed under it.
    package var dumpAttempts = 8

    /// What was sent so far.
    package private(set) var statistics = NetlinkSocketStatistics()

    private var lastSequence: UInt32

    /// An earlier exchange ended before its last message; what is left of it must not be taken for an answer, nor fill the buffer.
    var hasLeftovers = false

    /// The family of a netlink socket (`NETLINK_…` in `linux/netlink.h`).
    package enum Family: Int32, Sendable {
        /// Links, addresses, routes.
        case route = 0
        case netfilter = 12
        case generic = 16
    }

    /// A socket to the kernel.
    ///
    /// The path is that of a network namespace (`/proc/1234/ns/net`, `/run/netns/blue`) to open it in; the socket stays there. Nil is
    /// the caller's own.
    ///
    /// The kernel builds dump datagrams of at most 32 KiB (`netlink_recvmsg` in `net/netlink/af_netlink.c`) where the reader offers that
    /// much; an announcement can be longer only with thousands of attributes. Who offers less reads a dump in smaller pieces. Less than 8 KiB
    /// would not do: that much the kernel takes in any case (`NLMSG_GOODSIZE`).
    package init(_ family: Family, inNamespaceAt path: String? = nil, receiving size: Int = 64 << 10) throws(NetlinkError) {
        let opened: Result<KernelChannel, NetlinkChannelError>
        do throws(NetworkNamespaceError) {
            opened = try NetworkNamespace.run(at: path) {
                Result { () throws(NetlinkChannelError) in
                    try KernelChannel(protocolNumber: family.rawValue, receiveBufferSize: max(size, 8 << 10))
                }
            }
        } catch {
            throw NetlinkError("enter the network namespace \(path ?? "")", .system(call: error.call, errno: error.errno))
        }
        switch opened {
        case .success(let channel): self.init(channel)
        case .failure(let error): throw NetlinkError("open a netlink socket", error.cause(within: .zero))
        }
    }

    /// A socket over any channel.
    package init(_ channel: any NetlinkChannel) {
        self.channel = channel
        // Not from zero, so that a stray answer to another process's socket with the same port is unlikely to fit.
        lastSequence = UInt32.random(in: 1...0x3fff_ffff)
    }

    deinit { channel.close() }

    /// The number to wait on for announcements.
    package var fileDescriptor: Int32 { channel.fileDescriptor }

    /// The first of so many sequence numbers in a row, none of which is 0, the number of announcements.
    mutating func nextSequences(_ count: Int) -> UInt32 {
        if lastSequence > UInt32.max - UInt32(truncatingIfNeeded: count) - 1 { lastSequence = 0 }
        let first = lastSequence + 1
        lastSequence += UInt32(truncatingIfNeeded: count)
        return first
    }

    /// Sends a datagram of so many messages.
    mutating func send(_ datagram: NetlinkEncoder, messages: Int) throws(NetlinkChannelError) {
        if hasLeftovers { drain() }
        statistics.sends += 1
        statistics.messages += messages
        try channel.send(datagram.bytes, timeout: timeout)
    }

    /// Takes what is left of an exchange that was given up. Reading is also what makes the kernel finish a dump: until then it
    /// answers another with `EBUSY`.
    mutating func drain() {
        let deadline = ContinuousClock.now + timeout
        while ContinuousClock.now < deadline {
            do throws(NetlinkChannelError) {
                guard try channel.receive(timeout: .zero) != nil else { break }
            } catch {
                switch error {
                case .lost, .truncated: continue
                case .timedOut, .system: break
                }
                break
            }
        }
        hasLeftovers = false
    }
}

/// What a socket has sent. Tests count with it what a change costs.
package struct NetlinkSocketStatistics: Hashable, Sendable {
    /// Datagrams.
    package var sends = 0
    /// Requests in them.
    package var messages = 0

    package init(sends: Int = 0, messages: Int = 0) {
        self.sends = sends
        self.messages = messages
    }
}
