/// What is asked of a backend, and which answer is a good one.
package struct HealthCheck: Hashable, Sendable {
    package var kind: Kind
    /// The port that is probed; nil for the backend's own.
    package var port: UInt16?
    /// Whether probes go the way that clients' packets go, through the kernel's balancing.
    package var path = Path.direct

    package init(_ kind: Kind, port: UInt16? = nil) {
        self.kind = kind
        self.port = port
    }

    /// Which way probes go.
    package enum Path: String, Hashable, Sendable {
        /// To the backend as any client of this node's own.
        case direct
        /// Through the kernel's balancing; besides directly, so that it can be told where the two differ. What comes through counts.
        case forwardedAndDirect
        /// Through the kernel's balancing only.
        case forwarded
    }

    package enum Kind: Hashable, Sendable {
        /// A connection is made and closed.
        case tcp
        case http(HTTPCheck)
        /// `grpc.health.v1.Health/Check` of a service; empty for the server as a whole.
        case grpc(service: String, tls: TLSCheck?)
        /// A datagram is sent. With an expected reply that has to come; without one, ICMP's "port unreachable" is the bad answer.
        case udp(payload: [UInt8], reply: [UInt8]?)
        case dns(name: String, type: DNSRecordType)
        /// ICMP echo.
        case icmp
        /// A program and its arguments, with the backend's address and port in its environment; exit status 0 is good. From local
        /// documents only.
        case command([String])
    }

    package struct HTTPCheck: Hashable, Sendable {
        package var method = "GET"
        /// With its query.
        package var path = "/"
        /// The `Host` header; nil for the backend's address and port.
        package var host: String?
        /// In the order in which they are sent.
        package var headers: [Header] = []
        /// Status codes that are good.
        package var statuses: [ClosedRange<Int>] = [200...399]
        /// Text that the first 64 KiB of the body must contain.
        package var body: String?
        /// Nil for plain HTTP.
        package var tls: TLSCheck?

        package init() {}

        package struct Header: Hashable, Sendable {
            package var name: String
            package var value: String

            package init(_ name: String, _ value: String) {
                self.name = name
                self.value = value
            }
        }
    }

    package struct TLSCheck: Hashable, Sendable {
        /// The name that is sent and verified; nil for none, and the address is verified. (A certificate for the address is taken either
        /// way.)
        package var serverName: String?
        /// PEM, beside or instead of a file; the machine's own trust roots count where neither is given.
        package var certificateAuthority: String?
        /// A file with PEM, read again when it has changed.
        package var certificateAuthorityFile: String?
        package var isVerified = true

        package init() {}
    }

    package enum DNSRecordType: UInt16, Hashable, Sendable, CaseIterable {
        case a = 1
        case ns = 2
        case cname = 5
        case soa = 6
        case ptr = 12
        case mx = 15
        case txt = 16
        case aaaa = 28
        case srv = 33
    }
}
