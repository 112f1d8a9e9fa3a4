import Foundation

/// A directory of manifests, a file for each Service with its EndpointSlice.
///
/// Files are written beside the directory and moved into it, as a careful writer does.
struct Manifests {
    let directory: String
    let services: Int
    let endpoints: Int
    private var staged: String { directory + ".staged" }

    init(in parent: String, services: Int, endpoints: Int) throws {
        directory = "\(parent)/\(services)"
        self.services = services
        self.endpoints = endpoints
        progress("writing \(services) manifests of \(endpoints) endpoints each")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for index in 0..<services { try write(text(index), to: path(index)) }
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    /// Moves the next version of a Service into place, in which its first endpoint is another, and says when.
    func change(_ index: Int, version: Int) throws -> ContinuousClock.Instant {
        try write(text(index, version: version), to: staged)
        let began = ContinuousClock.now
        guard rename(staged, path(index)) == 0 else { throw BenchmarkFailure("cannot move a file into \(directory)") }
        return began
    }

    /// What `ipvsadm -R` takes for the same table.
    var ipvsadmText: String {
        var text = ""
        for index in 0..<services {
            let server = "-t \(Self.address(Self.firstService, index)):80"
            text += "-A \(server) -s rr\n"
            for endpoint in 0..<endpoints { text += "-a \(server) -r \(address(index, endpoint, version: 0)):8080 -m -w 1\n" }
        }
        return text
    }

    private static let firstService = 0x0a60_0001
    private static let firstEndpoint = 0x0b00_0001
    private static let changedEndpoint = 0x0c00_0001

    private func path(_ index: Int) -> String { "\(directory)/service-\(index).yaml" }

    private func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw BenchmarkFailure("cannot write \(path)") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw BenchmarkFailure("cannot write \(path)") }
    }

    private func address(_ index: Int, _ endpoint: Int, version: Int) -> String {
        // Any two versions that follow one another differ in this one address.
        endpoint == 0 && version > 0
            ? Self.address(Self.changedEndpoint, version) : Self.address(Self.firstEndpoint, index * endpoints + endpoint)
    }

    private static func address(_ first: Int, _ number: Int) -> String {
        let value = first + number
        return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }

    private func text(_ index: Int, version: Int = 0) -> String {
        var text = """
            apiVersion: v1
            kind: Service
            metadata:
              name: service-\(index)
              namespace: benchmark
              creationTimestamp: "2026-01-01T00:00:00Z"
            spec:
              clusterIP: \(Self.address(Self.firstService, index))
              selector:
                app: service-\(index)
              ports:
                - name: http
                  port: 80
                  targetPort: 8080
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata:
              name: service-\(index)-a
              namespace: benchmark
              labels:
                kubernetes.io/service-name: service-\(index)
            addressType: IPv4
            ports:
              - name: http
                port: 8080
                protocol: TCP
            endpoints:

            """
        for endpoint in 0..<endpoints {
            text += """
                  - addresses: ["\(address(index, endpoint, version: version))"]
                    conditions: {ready: true, serving: true, terminating: false}
                    nodeName: node-\(endpoint)

                """
        }
        return text
    }
}
