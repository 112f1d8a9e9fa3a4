import Addresses
import NIOCore
import NIOSSL

/// Checks that a server's certificate, whose signature was verified, is for the server that was meant.
///
/// The library's own check also takes a certificate for the address that the connection came to. A kubelet has one, often by the same
/// authority: whoever could redirect a name to a node could be the API server there. So the names are compared here, and only what was meant
/// counts, as in Go: alternative names, no common name, and `*` for the whole first label.
enum ServerNameCheck {
    struct WrongName: Error {}

    /// Fails, and closes the connection, where the certificate is for another name or address.
    static func check(_ channel: any Channel, name: String) -> EventLoopFuture<Void> {
        channel.nioSSL_peerCertificate().flatMapThrowing { certificate in
            guard let certificate, matches(certificate, name: name) else { throw WrongName() }
        }.flatMapErrorWithEventLoop { error, loop in
            channel.close(promise: nil)
            return loop.makeFailedFuture(error)
        }
    }

    static func matches(_ certificate: NIOSSLCertificate, name: String) -> Bool {
        let address = IPAddress(name)
        return certificate._subjectAlternativeNames().contains { alternative in
            if let address { return alternative.nameType == .ipAddress && Array(alternative.contents) == address.bytes }
            return alternative.nameType == .dnsName && matches(pattern: String(decoding: alternative.contents, as: UTF8.self), name: name)
        }
    }

    static func matches(pattern: String, name: String) -> Bool {
        func labels(_ text: String) -> [Substring] {
            var text = text.lowercased()[...]
            if text.last == "." { text.removeLast() }
            return text.split(separator: ".", omittingEmptySubsequences: false)
        }
        let (pattern, name) = (labels(pattern), labels(name))
        guard pattern.count == name.count, !name.contains(""), !pattern.contains("") else { return false }
        if pattern[0] == "*" { return pattern.count > 1 && pattern.dropFirst() == name.dropFirst() }
        return pattern == name
    }
}
