import Glibc
import IPVS

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
func balance(_ key: VirtualServer.Key, over servers: [RealServer]) throws(IPVSError) -> Bool {
    var ipvs = try IPVSHandle()
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

let virtual = RealServer.Key(IPAddress(ipv4: 0x0a60_000a), port: 80)
let servers = [
    RealServer(.init(IPAddress(ipv4: 0x0af4_0002), port: 8080), .init(weight: 10)),
    RealServer(.init(IPAddress(ipv4: 0x0af4_0003), port: 8080), .init(weight: 10)),
]
do {
    let worked = try balance(.address(virtual.address, port: virtual.port, .tcp), over: servers)
    exit(worked ? 0 : 1)
} catch {
    print(error)
    exit(1)
}
