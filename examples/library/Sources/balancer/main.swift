// A little load balancer: a virtual server with its real servers, made in one batch, looked at and removed again.
//
//     sudo .build/debug/balancer 10.96.0.10:80 10.244.0.2:8080 10.244.0.3:8080
//
// Needs root (CAP_NET_ADMIN in the initial user namespace) and a kernel with IPVS.
import Glibc
import IPVS

/// Reads `ADDRESS:PORT` or `[ADDRESS]:PORT`.
func place(_ text: String) -> (address: IPAddress, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    return IPAddress(text[..<colon].filter { $0 != "[" && $0 != "]" }).map { ($0, port) }
}

/// Prints every virtual server of the kernel, with its real servers and what they counted.
func printTable(_ ipvs: inout IPVSHandle) throws(IPVSError) {
    for virtual in try ipvs.virtualServers() {
        print("\(virtual.server.key)  \(virtual.server.configuration.scheduler)  \(virtual.statistics.connections) connections")
        for real in try ipvs.realServers(of: virtual.server.key) {
            let configuration = real.server.configuration
            print(
                "    \(real.server.key)  \(configuration.forwarding)  weight \(configuration.weight)",
                " active \(real.connections.active)  inactive \(real.connections.inactive)  in \(real.statistics.incomingBytes) bytes")
        }
    }
}

/// Makes the virtual server, shows it, and removes it when return is pressed. True where all of it worked.
func balance(_ key: VirtualServer.Key, over servers: [RealServer]) throws(IPVSError) -> Bool {
    var ipvs = try IPVSHandle()
    let information = try ipvs.information()
    print("IPVS \(information.version), \(information.connectionTableSize) buckets for connections\n")

    let failures = ipvs.execute(
        [.addVirtualServer(VirtualServer(key, .init(scheduler: .weightedRoundRobin)))]
            + servers.map { .addRealServer($0, to: key) })
    for failure in failures { print("\(failure)") }

    try printTable(&ipvs)
    print("\nPress return to remove it.")
    _ = readLine()
    // Only what was made here: a virtual server that was there before stays.
    if !failures.contains(where: { $0.index == 0 }) { try ipvs.remove(key) }
    return failures.isEmpty
}

let places = CommandLine.arguments.dropFirst().map(place)
guard places.count > 1, let first = places.first, let virtual = first, places.allSatisfy({ $0 != nil }) else {
    print("usage: balancer VIRTUAL REAL…   (each ADDRESS:PORT or [ADDRESS]:PORT)")
    exit(2)
}
let servers = places.dropFirst().compactMap { $0 }.map { RealServer(.init($0.address, port: $0.port), .init(weight: 10)) }
do {
    exit(try balance(.address(virtual.address, port: virtual.port, .tcp), over: servers) ? 0 : 1)
} catch {
    print("\(error)")
    exit(1)
}
