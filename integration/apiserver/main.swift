import AsyncHTTPClient
import Foundation
import KubernetesTesting
import NIOCore
import NIOHTTP1

// An API server for the laboratory, on loopback and without encryption:
//   lab-apiserver serve PORT FILE                    serves the objects of a List in JSON
//   lab-apiserver put PORT FILE                      adds or changes the objects of a List at a server
//   lab-apiserver generate PORT SERVICES ENDPOINTS   serves so many; a line "INDEX VERSION" on its input changes a slice's first endpoint
//   lab-apiserver delete PORT KIND NAMESPACE NAME    removes one

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(2)
}

func send(_ method: HTTPMethod, _ port: Int, _ query: String = "", _ body: Data? = nil) async throws {
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/objects\(query)")
    request.method = method
    if let body { request.body = .bytes(Array(body)) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    if response.status != .ok { fail("the server answers \(response.status.code)") }
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 3, let port = Int(arguments[1]) else { fail("usage: lab-apiserver serve|put|delete PORT …") }
switch arguments[0] {
case "serve":
    guard let data = FileManager.default.contents(atPath: arguments[2]) else { fail("no file \(arguments[2])") }
    // A server that is started again is further on than it ever was, and keeps no history of before.
    let server = TestAPIServer(TestCluster(version: Int(Date().timeIntervalSince1970 * 1000)))
    server.cluster.put(TestObject.read(data))
    server.cluster.compact()
    _ = try await server.start(port: port)
    FileHandle.standardOutput.write(Data("ready\n".utf8))
    try await Task.sleep(for: .seconds(86_400))
case "generate" where arguments.count == 4:
    guard let services = Int(arguments[2]), let endpoints = Int(arguments[3]) else {
        fail("usage: lab-apiserver generate PORT SERVICES ENDPOINTS")
    }
    let crowd = Crowd(services: services, endpoints: endpoints)
    let server = TestAPIServer()
    server.cluster.put([.node("n1")] + (0..<services).flatMap { [crowd.service($0), crowd.slice($0, version: 0)] })
    server.cluster.compact()
    _ = try await server.start(port: port)
    FileHandle.standardOutput.write(Data("ready\n".utf8))
    while let line = readLine() {
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        if numbers.count == 2 { server.cluster.put(crowd.slice(numbers[0], version: numbers[1])) }
    }
case "put":
    guard let data = FileManager.default.contents(atPath: arguments[2]) else { fail("no file \(arguments[2])") }
    try await send(.PUT, port, "", data)
case "delete" where arguments.count == 5:
    try await send(.DELETE, port, "?kind=\(arguments[2])&namespace=\(arguments[3])&name=\(arguments[4])")
default: fail("usage: lab-apiserver serve|put|delete PORT …")
}
