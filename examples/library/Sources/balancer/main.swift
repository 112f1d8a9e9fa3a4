// A little load balancer: a virtual server with two real servers, made in one batch, looked at and removed again.
//
//     sudo swift run balancer 10.96.0.10:80 10.244.0.2:8080 10.244.0.3:8080
//
// Needs root (CAP_NET_ADMIN in the initial user namespace) and a kernel with IPVS.
import IPVS

/// `ADDRESS:PORT` or `[ADDRESS]:PORT`.
func place(_ text: String) -> (IPAddress, UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    let address = text[..<colon].filter { $0 != "[" && $0 != "]" }
    return IPAddress(address).map { ($0, port) }
}

/// Prints every virtual server of the kernel with its real servers and what they counted.
func printTable(_ ipvs: inout IPVSHandle) throws(IPVSError) {
    for virtual in try ipvs.virtualServers() {
        let configuration = virtual.server.configuration
        print("\(virtual.server.key)  \(configuration.scheduler)  \(virtual.statistics.connections) connections")
        for real in try ipvs.realServers(of: virtual.server.key) {
            print(
                "    \(real.server.key)  \(real.server.configuration.forwarding)  weight \(real.server.configuration.weight)",
                " active \(real.connections.active)  inactive \(real.connections.inactive)  in \(real.statistics.incomingBytes) bytes")
        }
    }
}

let places = CommandLine.arguments.dropFirst().compactMap(place)
guard let (address, port) = places.first, places.count == CommandLine.arguments.count - 1, places.count > 1 else {
    print("usage: balancer VIRTUAL REAL…   (each ADDRESS:PORT)")
    throw Exit.usage
}

enum Exit: Error { case usage, failed }

var ipvs = try IPVSHandle()
let information = try ipvs.information()
print("IPVS \(information.version), \(information.connectionTableSize) buckets for connections\n")

let key = VirtualServer.Key.address(address, port: port, .tcp)
let failures = ipvs.execute(
    [.addVirtualServer(VirtualServer(key, .init(scheduler: .weightedRoundRobin)))]
        + places.dropFirst().map { .addRealServer(RealServer(.init($0.0, port: $0.1), .init(weight: 10)), to: key) })
for failure in failures { print("\(failure)") }

try printTable(&ipvs)
print("\nPress return to remove it.")
_ = readLine()
// Only what was made here: where the virtual server was there before, it stays.
if !failures.contains(where: { $0.index == 0 }) { try ipvs.remove(key) }
if !failures.isEmpty { throw Exit.failed }
