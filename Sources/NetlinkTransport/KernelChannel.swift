import CNetlink
import Glibc

/// The kernel's end: a socket that libnl made.
///
/// libnl makes the socket and binds its port (unique within the process, which the kernel's own choice would also be, but then a
/// libnl in the same process would not know of it). Sending and receiving is done here, on its file descriptor: libnl's receiving
/// allocates per datagram, and knows neither deadlines nor batches.
@safe
final class KernelChannel: NetlinkChannel {
    private var socket: OpaquePointer?
    private var buffer: [UInt8]
    /// Of who receives several at once.
    private var slots: DatagramSlots?
    let port: UInt32
    let fileDescriptor: Int32

    /// What the kernel may queue for us before it drops. An acknowledgement takes less than 1 KiB of it, so this is room for several batches.
    private static let queueSize: Int32 = 4 << 20

    init(protocolNumber: Int32, receiveBufferSize: Int) throws(NetlinkChannelError) {
        guard let socket = unsafe nl_socket_alloc() else { throw .system(call: "nl_socket_alloc", errno: ENOMEM) }
        let code = unsafe nl_connect(socket, protocolNumber)
        guard code == 0 else {
            let number = errno
            unsafe nl_socket_free(socket)
            throw .system(call: "nl_connect", errno: number == 0 ? EPROTONOSUPPORT : number)
        }
        unsafe self.socket = socket
        fileDescriptor = unsafe nl_socket_get_fd(socket)
        port = unsafe nl_socket_get_local_port(socket)
        buffer = [UInt8](repeating: 0, count: receiveBufferSize)

        // SO_RCVBUFFORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN; without it, as much as the limit allows.
        if !set(SOL_SOCKET, SO_RCVBUFFORCE, Self.queueSize) { _ = set(SOL_SOCKET, SO_RCVBUF, Self.queueSize) }
        // Errors come without the request repeated in them, and with an explanation. Kernels before 4.12 know neither, which costs
        // nothing but the explanation.
        _ = set(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        _ = set(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    }

    deinit { close() }

    func close() {
        guard let open = unsafe socket else { return }
        unsafe nl_socket_free(open)
        unsafe socket = nil
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
        var value = value
        return unsafe setsockopt(fileDescriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    func join(group: UInt32) throws(NetlinkChannelError) {
        try requireOpen()
        guard set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, Int32(bitPattern: group)) else {
            throw .system(call: "setsockopt(NETLINK_ADD_MEMBERSHIP)", errno: errno)
        }
    }

    /// Closed, the number may already be another file's.
    private func requireOpen() throws(NetlinkChannelError) {
        guard unsafe socket != nil else { throw .system(call: "netlink socket", errno: EBADF) }
    }

    func send(_ datagram: [UInt8], timeout: Duration) throws(NetlinkChannelError) {
        try requireOpen()
        var deadline: ContinuousClock.Instant?
        while true {
            // Without an address a netlink datagram goes to port 0, the kernel.
            let sent = unsafe datagram.withUnsafeBytes { bytes in
                unsafe Glibc.send(fileDescriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
            }
            if sent == datagram.count { return }
            switch errno {
            case _ where sent >= 0: throw .system(call: "send", errno: EMSGSIZE)
            case EINTR: continue
            case EAGAIN:
                let limit = deadline ?? ContinuousClock.now + timeout
                deadline = limit
                guard try wait(for: Int16(POLLOUT), until: limit) else { throw .timedOut }
            case let number: throw .system(call: "send", errno: number)
            }
        }
    }

    func receive(timeout: Duration) throws(NetlinkChannelError) -> NetlinkDatagram? {
        try receive(within: timeout) { () throws(NetlinkChannelError) in
            var address = sockaddr_nl()
            var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
            // MSG_TRUNC makes the call return the datagram's real length, also where it did not fit.
            let received = unsafe withUnsafeMutablePointer(to: &address) { address in
                unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    unsafe buffer.withUnsafeMutableBytes { bytes in
                        unsafe recvfrom(
                            fileDescriptor, bytes.baseAddress, bytes.count,
                            Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC), address, &length)
                    }
                }
            }
            if received > buffer.count { throw .truncated }
            return received < 0 ? nil : NetlinkDatagram(Array(buffer[..<received]), sender: address.nl_pid)
        }
    }

    func receiveSeveral(timeout: Duration) throws(NetlinkChannelError) -> [NetlinkDatagram] {
        let slots = self.slots ?? DatagramSlots()
        self.slots = slots
        return try receive(within: timeout) { () throws(NetlinkChannelError) in try slots.receive(fileDescriptor) } ?? []
    }

    /// Tries to receive until something was there, at most so long. What is tried gives nil, and leaves `errno`, where nothing was.
    private func receive<Received>(
        within timeout: Duration, _ attempt: () throws(NetlinkChannelError) -> Received?
    ) throws(NetlinkChannelError) -> Received? {
        try requireOpen()
        // Only where there is something to wait for; the kernel's answers are usually there already.
        var deadline: ContinuousClock.Instant?
        while true {
            if let received = try attempt() { return received }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                if timeout <= .zero { return nil }
                let limit = deadline ?? ContinuousClock.now + timeout
                deadline = limit
                guard try wait(for: Int16(POLLIN), until: limit) else { return nil }
            case ENOBUFS: throw .lost
            case let number: throw .system(call: "recv", errno: number)
            }
        }
    }

    /// Waits until the socket can be read or written; false at the deadline.
    private func wait(for events: Int16, until deadline: ContinuousClock.Instant) throws(NetlinkChannelError) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            var entry = pollfd(fd: fileDescriptor, events: events, revents: 0)
            let milliseconds = min(left / .milliseconds(1), Double(Int32.max / 2)).rounded(.up)
            let ready = unsafe poll(&entry, 1, Int32(milliseconds))
            // A full queue shows as POLLERR; the call that follows says what it is.
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { throw .system(call: "poll", errno: errno) }
        }
    }
}
