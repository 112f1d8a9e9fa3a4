import IPVS
import TestSupport

/// Connections drawn at random, and the line that the kernel prints of each.
extension SeededGenerator {
    mutating func socketAddress(_ family: AddressFamily) -> IPVSConnection.SocketAddress {
        IPVSConnection.SocketAddress(address(family), port: port())
    }

    mutating func connection() -> IPVSConnection {
        let family = family()
        var connection = IPVSConnection(
            element([.tcp, .udp, .sctp, .any, .init(rawValue: "ICMPv6"), .init(rawValue: "IP_50")]), client: socketAddress(family),
            virtual: socketAddress(family), realServer: RealServer.Key(address(self.family()), port: port()),
            state: element([
                .none, .assured, .established, .synReceived, .timeWait, .init(rawValue: "BUG!"), .init(rawValue: "COOKIE_ECHOED"),
            ]),
            secondsLeft: UInt32.random(in: .min ... .max, using: &self))
        switch Int.random(in: 0..<4, using: &self) {
        case 0: connection.engine = .init("sip", data: element(["", "a@b", " two  words ", "\u{e9}", String(repeating: "x", count: 255)]))
        case 1: connection.origin = element(IPVSConnection.Origin.allCases)
        default: break
        }
        return connection
    }
}

extension IPVSConnection {
    /// As `ip_vs_conn_seq_show` and `ip_vs_conn_sync_seq_show` print it: "%-3s %08X %04X %08X %04X %s %04X %-11s %-6s %7u%s".
    var line: String {
        var words = [
            transport.rawValue.padded(to: 3), client.words, virtual.words, SocketAddress(realServer.address, port: realServer.port).words,
        ]
        words.append(state.rawValue.padded(to: 11))
        if let origin { words.append(origin.rawValue.padded(to: 6)) }
        let seconds = "\(secondsLeft)"
        words.append(String(repeating: " ", count: max(7 - seconds.count, 0)) + seconds)
        if let engine { words += [engine.name, engine.data] }
        return words.joined(separator: " ")
    }
}

extension IPVSConnection.SocketAddress {
    fileprivate var words: String {
        let digits = address.bytes.map { hexadecimal($0) }
        let text =
            address.family == .ipv4
            ? digits.joined().uppercased()
            : stride(from: 0, to: 16, by: 2).map { digits[$0] + digits[$0 + 1] }.joined(separator: ":")
        return text + " " + (hexadecimal(UInt8(port >> 8)) + hexadecimal(UInt8(port & 255))).uppercased()
    }

    private func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}
