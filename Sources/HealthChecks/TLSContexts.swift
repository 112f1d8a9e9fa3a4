internal import Glibc
internal import HealthModel
internal import NIOCore
internal import NIOSSL

/// The TLS contexts of one event loop. Making one reads all trust roots, so each is made once, and again when its file has changed.
final class TLSContexts {
    private struct Key: Hashable {
        var check: HealthCheck.TLSCheck
        var protocols: [String]
    }

    private struct Made {
        var context: NIOSSLContext
        var file: FileState?
        var looked: NIODeadline
    }

    /// By which a file is known to be the same.
    private struct FileState: Equatable {
        var inode: UInt64
        var size: Int64
        var seconds: Int
        var nanoseconds: Int

        init?(_ path: String) {
            var info = stat()
            guard unsafe stat(path, &info) == 0 else { return nil }
            inode = UInt64(info.st_ino)
            size = Int64(info.st_size)
            seconds = info.st_mtim.tv_sec
            nanoseconds = info.st_mtim.tv_nsec
        }
    }

    private var made: [Key: Made] = [:]

    /// A handler for one connection.
    func handler(for check: HealthCheck.TLSCheck, protocols: [String]) throws -> NIOSSLClientHandler {
        let context = try context(for: Key(check: check, protocols: protocols))
        return try NIOSSLClientHandler(context: context, serverHostname: check.serverName)
    }

    private func context(for key: Key) throws(TLSProblem) -> NIOSSLContext {
        let now = NIODeadline.now()
        if var known = made[key] {
            // A file may be replaced at any time, but is not asked for at every probe.
            if now - known.looked < .seconds(5) { return known.context }
            known.looked = now
            made[key] = known
            let state = key.check.certificateAuthorityFile.flatMap { FileState($0) }
            // While the file is not there, the last good one counts.
            if state == nil || state == known.file { return known.context }
        }
        let file = key.check.certificateAuthorityFile.flatMap { FileState($0) }
        let context = try Self.make(key.check, protocols: key.protocols)
        // Policies come and go; what no probe uses any more must not pile up.
        if made.count >= 1000 { made = [:] }
        made[key] = Made(context: context, file: file, looked: now)
        return context
    }

    private static func make(_ check: HealthCheck.TLSCheck, protocols: [String]) throws(TLSProblem) -> NIOSSLContext {
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.applicationProtocols = protocols
            configuration.shutdownTimeout = .seconds(1)
            configuration.certificateVerification = check.isVerified ? .fullVerification : .none
            var authorities: [NIOSSLCertificate] = []
            if let text = check.certificateAuthority { authorities += try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)) }
            if let path = check.certificateAuthorityFile { authorities += try NIOSSLCertificate.fromPEMFile(path) }
            if !authorities.isEmpty { configuration.trustRoots = .certificates(authorities) }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let file = check.certificateAuthorityFile.map { " from \($0)" } ?? ""
            throw TLSProblem(description: "the certificate authority\(file) cannot be read: \(FailureMeaning.short("\(error)"))")
        }
    }
}

/// Why there is no TLS on this node's side.
struct TLSProblem: Error, CustomStringConvertible {
    var description: String
}
