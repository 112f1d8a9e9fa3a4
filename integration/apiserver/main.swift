import Foundation
import KubernetesTesting

// An API server for the laboratory, without encryption: `lab-apiserver PORT`. Objects are put to it at /objects.
let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
let server = TestAPIServer()
if let file = CommandLine.arguments.dropFirst(2).first, let data = FileManager.default.contents(atPath: file) {
    server.cluster.put(TestObject.read(data))
}
print("listening on", try await server.start(port: port))
try await Task.sleep(for: .seconds(86_400))
