import AsyncHTTPClient
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Says in words why a request got no answer. Nothing is quoted that might hold a secret.
enum ConnectionFailure {
    static func words(_ error: any Error) -> String {
        switch error {
        case is CancellationError: "cancelled"
        case is APIClient.Silence: "no answer in time"
        case is ServerNameCheck.WrongName: "TLS: the server's certificate is for another name"
        case let error as IOError: describe(error.errnoCode)
        case let error as NIOConnectionError: words(error)
        case let error as HTTPClientError: words(error)
        case let error as NIOSSLError: words(error)
        case let error as NIOSSLExtraError: words(error)
        case let error as ChannelError: words(error)
        case let error as BoringSSLError: "TLS: \(line("\(error)"))"
        default: "the connection failed (\(type(of: error)))"
        }
    }

    private static func words(_ error: NIOConnectionError) -> String {
        if let single = error.connectionErrors.first { return words(single.error) }
        return "the name \(error.host) cannot be resolved"
    }

    private static func words(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "no connection in time"
        case .remoteConnectionClosed: "the connection was closed"
        case .deadlineExceeded, .readTimeout: "no answer in time"
        case .cancelled, .alreadyShutdown: "the connection was given up"
        case .getConnectionFromPoolTimeout: "no connection in time"
        default: line(error.shortDescription)
        }
    }

    private static func words(_ error: NIOSSLError) -> String {
        switch error {
        case .handshakeFailed(let reason): "TLS handshake: \(line("\(reason)"))"
        case .uncleanShutdown: "the connection was cut off"
        case .unableToValidateCertificate: "the server's certificate is not valid for it"
        default: "TLS: \(line("\(error)"))"
        }
    }

    private static func words(_ error: NIOSSLExtraError) -> String {
        error == .failedToValidateHostname ? "the server's certificate is for another name" : "TLS: \(line("\(error)"))"
    }

    private static func words(_ error: ChannelError) -> String {
        switch error {
        case .connectTimeout: "no connection in time"
        case .ioOnClosedChannel, .alreadyClosed, .eof: "the connection was closed"
        default: line("\(error)")
        }
    }

    /// One bounded line.
    static func line(_ text: String) -> String {
        text.unicodeScalars.prefix(200).map { $0.properties.generalCategory == .control ? " " : String($0) }.joined()
    }

    private static func describe(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "errno \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
