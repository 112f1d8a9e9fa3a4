import CProcess
import Glibc

/// What a program reads: a file in memory that goes with its last user, so that nobody has to feed it.
struct ProgramInput: ~Copyable {
    let descriptor: Int32

    init(_ text: String) throws(ProgramStartError) {
        descriptor = unsafe memfd_create("input", MEMFD_CLOSE_ON_EXEC)
        guard descriptor >= 0 else { throw .last }
        var text = text
        let code = text.withUTF8 { bytes -> Int32 in
            var written = 0
            while written < bytes.count {
                let count = unsafe write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return errno }
                written += count
            }
            return lseek(descriptor, 0, SEEK_SET) == 0 ? 0 : errno
        }
        guard code == 0 else { throw ProgramStartError(code: code) }
    }

    deinit { close(descriptor) }
}

/// What a program prints, through a pipe.
struct ProgramOutput: ~Copyable {
    private(set) var theirs: Int32
    private let ours: Int32
    private let limit: Int
    private var bytes: [UInt8] = []
    private var isAtEnd = false
    /// Whether it is more than is taken.
    private(set) var isOverfull = false

    init(limit: Int) throws(ProgramStartError) {
        self.limit = limit
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { throw .last }
        (ours, theirs) = (ends[0], ends[1])
        _ = fcntl(ours, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(ours)
        if theirs >= 0 { close(theirs) }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Lets go of the program's end: the pipe ends when the program does.
    mutating func closeTheirs() {
        close(theirs)
        theirs = -1
    }

    /// Begins anew to take what is printed.
    mutating func forget() { (bytes, isOverfull) = ([], false) }

    /// Waits until something was printed on one of them or both have ended, and takes it. Returns whether there was any.
    static func read(_ one: inout ProgramOutput, _ other: inout ProgramOutput, for patience: Duration) -> Bool {
        let milliseconds = Int32(patience.components.seconds * 1000) + Int32(patience.components.attoseconds / 1_000_000_000_000_000)
        // Numbers below 0 are passed over (poll(2)). With nothing left to wait for, the program is at its end.
        var polled = [one.polled, other.polled].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let isAtEnd = one.isAtEnd && other.isAtEnd
        guard unsafe poll(&polled, 2, isAtEnd ? min(1, milliseconds) : milliseconds) > 0 else { return false }
        let (first, second) = (one.take(), other.take())
        return first || second
    }

    private var polled: Int32 { isAtEnd ? -1 : ours }

    /// Takes what is there, and returns whether that was anything.
    private mutating func take() -> Bool {
        var hasTaken = false
        while !isAtEnd {
            let room = 1 << 16
            var piece = [UInt8](repeating: 0, count: room)
            let count = unsafe Glibc.read(ours, &piece, room)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            // What cannot be read any more has ended.
            guard count > 0 else {
                isAtEnd = true
                break
            }
            hasTaken = true
            let free = limit - bytes.count
            bytes += piece[..<min(count, free)]
            if count > free {
                isOverfull = true
                break
            }
        }
        return hasTaken
    }
}
