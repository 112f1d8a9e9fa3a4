import Glibc

/// Wakes a thread that waits for descriptors, once and for all: a pipe whose reading end becomes readable.
final class StopSignal: Sendable {
    /// Readable as soon as the signal is raised.
    let descriptor: Descriptor
    private let writingEnd: Descriptor

    /// Nil where the process has no descriptors left. The corresponding C function is `pipe`.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0, let reading = Descriptor(taking: ends[0]),
            let writing = Descriptor(taking: ends[1])
        else { return nil }
        // Not for programs that this process starts.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        descriptor = reading
        writingEnd = writing
    }

    func raise() {
        var byte: UInt8 = 1
        _ = unsafe write(writingEnd.number, &byte, 1)
    }

    var isRaised: Bool {
        var polled = [pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)]
        return unsafe poll(&polled, 1, 0) > 0
    }
}
