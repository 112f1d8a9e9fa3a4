import NIOSSL
import ServiceModel

/// The certificates and keys of a connection as they are now, read from their files.
///
/// Files rotate; whoever holds a connection compares with what it was made from.
struct TLSMaterial: Equatable, Sendable {
    var authorities: Secret?
    var certificate: Secret?
    var key: Secret?

    /// What a credential plug-in gave comes first.
    init(_ access: ClusterAccess, plugin: (certificate: Secret, key: Secret)?) throws(SourceProblem) {
        if case .authorities(let material) = access.trust { authorities = try Self.read(material) }
        if let plugin {
            (certificate, key) = (plugin.certificate, plugin.key)
        } else {
            certificate = try access.identity.certificate.map { material throws(SourceProblem) in try Self.read(material) }
            key = try access.identity.key.map { material throws(SourceProblem) in try Self.read(material) }
        }
    }

    private static func read(_ material: ClusterAccess.Material) throws(SourceProblem) -> Secret {
        switch material {
        case .inline(let text): return text
        case .file(let path):
            guard let text = String(validating: try FileBytes.read(path), as: UTF8.self) else {
                throw SourceProblem(place: path, message: "not a PEM document")
            }
            return Secret(text)
        }
    }

    /// TLS 1.2 at least, and the server's certificate verified unless that was asked not to be.
    func configuration(_ access: ClusterAccess) throws(SourceProblem) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        // The name is compared by ServerNameCheck, more strictly.
        tls.certificateVerification = access.trust == .anybody ? .none : .noHostnameVerification
        if let authorities {
            tls.trustRoots = .certificates(try Self.certificates(authorities, "certificate-authority", access))
        }
        if let certificate, let key {
            tls.certificateChain = try Self.certificates(certificate, "client-certificate", access).map { .certificate($0) }
            do {
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.reveal().utf8), format: .pem))
            } catch {
                // The library's error is left out: it might show a part of the key.
                throw SourceProblem(place: "\(access.origin), client-key", message: "not an unencrypted private key in PEM")
            }
        }
        return tls
    }

    private static func certificates(_ pem: Secret, _ field: String, _ access: ClusterAccess) throws(SourceProblem) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.reveal().utf8)), !certificates.isEmpty else {
            throw SourceProblem(place: "\(access.origin), \(field)", message: "holds no certificate in PEM")
        }
        return certificates
    }
}
