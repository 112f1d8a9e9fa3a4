import Glibc

/// A terminal that belongs to one program for a while: no echo, key by key, on its other screen. What was there before comes back at the end.
struct Terminal: ~Copyable {
    private var before = termios()

    /// Nil where standard input or output is no terminal.
    init?() {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, unsafe tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
        var raw = before
        raw.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
        raw.c_iflag &= ~tcflag_t(IXON | ICRNL)
        guard unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0 else { return nil }
        // A signal that ends the program is taken between two looks, so that the screen comes back.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGTERM, SIGHUP, SIGINT] { unsafe sigaddset(&signals, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        // xterm's private modes: 1049 is the other screen, 25 the cursor.
        StandardOutput.write("\u{1b}[?1049h\u{1b}[?25l")
    }

    deinit {
        StandardOutput.write("\u{1b}[?25h\u{1b}[?1049l")
        var before = before
        _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
    }

    /// Columns and lines; 80 × 24 where the terminal does not say.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Whether a signal asks the program to end.
    var isToEnd: Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        return [SIGTERM, SIGHUP, SIGINT].contains { unsafe sigismember(&pending, $0) == 1 }
    }

    /// Draws lines in place of those that stood there, without clearing between, which would flicker.
    func draw(_ lines: [String]) {
        StandardOutput.write("\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    /// The keys that are pressed within some time; nil at the end of the input.
    func keys(within milliseconds: Int32) -> [TopModel.Key]? {
        var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&descriptor, 1, milliseconds) > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe read(STDIN_FILENO, &bytes, bytes.count)
        guard count > 0 else { return count < 0 && errno == EINTR ? [] : nil }
        return TopKeys.decode(bytes[..<count])
    }
}

/// Keys as terminals send them.
enum TopKeys {
    private static let sequences: [(String, TopModel.Key)] = [
        ("[A", .up), ("[B", .down), ("OA", .up), ("OB", .down), ("[5~", .pageUp), ("[6~", .pageDown), ("[H", .home), ("[F", .end),
        ("[1~", .home),
        ("[4~", .end), ("OH", .home), ("OF", .end), ("[C", .enter), ("[D", .escape),
    ]

    static func decode(_ bytes: some Collection<UInt8>) -> [TopModel.Key] {
        var keys: [TopModel.Key] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x1b:
                if let (sequence, key) = sequences.first(where: { rest.starts(with: $0.0.utf8) }) {
                    rest.removeFirst(sequence.utf8.count)
                    keys.append(key)
                } else if rest.first == UInt8(ascii: "[") || rest.first == UInt8(ascii: "O") {
                    // One that is not known: its parameters, and the letter that ends it (ECMA-48, 5.4).
                    rest.removeFirst()
                    while let next = rest.popFirst(), next < 0x40 {}
                } else {
                    keys.append(.escape)
                }
            case 13, 10: keys.append(.enter)
            case 127, 8: keys.append(.backspace)
            case 3, 32..<127: keys.append(.character(Character(Unicode.Scalar(byte))))
            default: break
            }
        }
        return keys
    }
}
