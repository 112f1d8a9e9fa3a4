import Foundation
import Glibc

/// A client that writes and reads bytes, as badly as it is told. Its calls block, so they have threads of their own.
final class RawClient: Sendable {
    private let descriptor: Int32

    /// Nil where nobody listens.
    init?(_ path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard result == 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Sends bytes, and says whether all of them were taken.
    @discardableResult
    func send(_ text: String) async -> Bool {
        await Self.blocking { [descriptor] in
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                bytes.removeFirst(count)
            }
            return true
        }
    }

    /// Reads until the other side ends, or what has come satisfies.
    func read(until isEnough: @Sendable @escaping (String) -> Bool = { _ in false }) async -> String {
        await Self.blocking { [descriptor] in
            var data = Data()
            var buffer = [UInt8](repeating: 0, count: 65536)
            while !isEnough(String(decoding: data, as: UTF8.self)) {
                let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                data += buffer[..<count]
            }
            return String(decoding: data, as: UTF8.self)
        }
    }

    /// Whether the other side has ended, within the patience of a read.
    func isEnded() async -> Bool {
        await Self.blocking { [descriptor] in
            var byte: UInt8 = 0
            while true {
                let count = unsafe recv(descriptor, &byte, 1, 0)
                if count == 0 || (count < 0 && errno == ECONNRESET) { return true }
                if count < 0 { return false }
            }
        }
    }

    func get(_ target: String, then header: String = "Connection: close\r\n") async -> String {
        await send("GET \(target) HTTP/1.1\r\nHost: agent\r\n\(header)\r\n")
        return await read()
    }

    private static func blocking<Result: Sendable>(_ work: @Sendable @escaping () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: work()) }
        }
    }
}
