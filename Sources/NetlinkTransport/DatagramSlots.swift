import CNetlink
import Glibc

/// Room for several datagrams, which one system call fills: recvmmsg(2).
///
/// Who binds ten thousand addresses has as many announcements to read, each a datagram of its own.
@safe
final class DatagramSlots {
    private let bytes: UnsafeMutableRawBufferPointer
    private let pieces: UnsafeMutableBufferPointer<iovec>
    private let senders: UnsafeMutableBufferPointer<sockaddr_nl>
    private let headers: UnsafeMutableBufferPointer<mmsghdr>

    /// What one call takes at most.
    static let count = 32

    /// What the kernel makes announcements of (`NLMSG_GOODSIZE`), except for those of links with thousands of attributes. One that does not fit
    /// is taken for lost, as it would be were the receive buffer full.
    static let bytesPerDatagram = 8 << 10

    init() {
        // Memory that nothing was written to takes no room yet.
        unsafe bytes = .allocate(byteCount: Self.count * Self.bytesPerDatagram, alignment: MemoryLayout<UInt64>.alignment)
        unsafe pieces = .allocate(capacity: Self.count)
        unsafe senders = .allocate(capacity: Self.count)
        unsafe headers = .allocate(capacity: Self.count)
        unsafe senders.initialize(repeating: sockaddr_nl())
        unsafe headers.initialize(repeating: mmsghdr())
        for index in 0..<Self.count {
            let place = unsafe bytes.baseAddress.map { unsafe $0 + index * Self.bytesPerDatagram }
            unsafe pieces.initializeElement(at: index, to: iovec(iov_base: place, iov_len: Self.bytesPerDatagram))
            unsafe headers[index].msg_hdr.msg_iov = unsafe pieces.baseAddress.map { unsafe $0 + index }
            unsafe headers[index].msg_hdr.msg_iovlen = 1
            unsafe headers[index].msg_hdr.msg_name = UnsafeMutableRawPointer(unsafe senders.baseAddress.map { unsafe $0 + index })
        }
    }

    deinit {
        unsafe headers.deallocate()
        unsafe senders.deallocate()
        unsafe pieces.deallocate()
        unsafe bytes.deallocate()
    }

    /// What is there now, without waiting; nil, with `errno`, where nothing is.
    func receive(_ fileDescriptor: Int32) throws(NetlinkChannelError) -> [NetlinkDatagram]? {
        // The kernel writes into it how long each sender's address is.
        for index in 0..<Self.count { unsafe headers[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_nl>.size) }
        // An error that comes after the first datagram is kept for the next call.
        let received = unsafe recvmmsg(fileDescriptor, headers.baseAddress, UInt32(Self.count), Int32(MSG_DONTWAIT), nil)
        guard received >= 0 else { return nil }
        var datagrams: [NetlinkDatagram] = []
        datagrams.reserveCapacity(Int(received))
        for index in 0..<Int(received) {
            let header = unsafe headers[index]
            // Those beside it go with it: who hears that something was lost looks at everything.
            guard unsafe header.msg_hdr.msg_flags & Int32(MSG_TRUNC) == 0 else { throw .truncated }
            let first = index * Self.bytesPerDatagram
            let content = unsafe Array(bytes[first..<first + Int(header.msg_len)])
            datagrams.append(NetlinkDatagram(content, sender: unsafe senders[index].nl_pid))
        }
        return datagrams
    }
}
