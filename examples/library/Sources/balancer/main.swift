// A small load balancer: a virtual server with its real servers, made in one batch, looked at and removed again.
//
//     sudo .build/debug/balancer [--netns NAME] 10.96.0.10:80 10.244.0.2:8080 10.244.0.3:8080
//
// Needs root and a kernel with IPVS.
import Glibc
import IPVS

/// Reads `ADDRESS:PORT` or `[ADDRESS]:PORT`.
func place(_ text: String) -> RealServer.Key? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    return IPAddress(text[..<colon].filter { $0 != "[" && $0 != "]" }).map { RealServer.Key($0, port: port) }
}

/// Prints the virtual servers with their real servers and what they counted, then the connections.
func show(_ ipvs: inout IPVSHandle) throws(IPVSError) {
    for virtual in try ipvs.virtualServers() {
        print("\(virtual.server.key)  \(virtual.server.configuration)  \(virtual.statistics.connections) connections")
        for real in try ipvs.realServers(of: virtual.server.key) {
            let counts = real.connections
            print("    \(real.server.key)  \(real.server.configuration)  active \(counts.active)  inactive \(counts.inactive)")
        }
    }
    var connections = try ipvs.connections()
    while let connection = try connections.next() { print("    \(connection)") }
}

/// Makes the virtual server, and removes it when return is pressed. True where all of it worked.
func balance(_ key: VirtualServer.Key, over servers: [RealServer], in namespace: NetworkNamespace?) throws(IPVSError) -> Bool {
    var ipvs = try IPVSHandle(namespace: namespace)
    print("IPVS \(try ipvs.information().version)")

    let server = VirtualServer(key, .init(scheduler: .weightedRoundRobin))
    let failures = ipvs.execute([.addVirtualServer(server)] + servers.map { .addRealServer($0, to: key) })
    for failure in failures { print(failure) }

    try show(&ipvs)
    print("Press return to end.")
    _ = readLine()
    try show(&ipvs)

    // Only what was made here: a virtual server that was there before stays.
    if !failures.contains(where: { $0.index == 0 }) { try ipvs.remove(key) }
    return failures.isEmpty
}

var words = CommandLine.arguments.dropFirst()
var namespace: NetworkNamespace?
if words.first == "--netns", let name = words.dropFirst().first {
    namespace = NetworkNamespace(name)
    words = words.dropFirst(2)
}
let places = words.compactMap(place)
guard places.count == words.count, places.count > 1 else {
    print("usage: balancer [--netns NAME] VIRTUAL REAL…   (each ADDRESS:PORT or [ADDRESS]:PORT)")
    exit(2)
}
let key = VirtualServer.Key.address(places[0].address, port: places[0].port, .tcp)
do {
    let worked = try balance(key, over: places.dropFirst().map { RealServer($0, .init(weight: 10)) }, in: namespace)
    exit(worked ? 0 : 1)
} catch {
    print(error)
    exit(1)
}
