import Addresses
import Glibc
import HealthModel
import Testing

@testable import HealthChecks

@Suite struct ICMPCheckerTests {
    @Test(.enabled(if: geteuid() == 0), arguments: [IPAddress(ipv4: 0x7f00_0001), IPAddress(ipv6High: 0, low: 1)])
    func loopbackEchoes(address: IPAddress) async throws {
        let outcome = try await ask(probe(.icmp, 0, address: address))
        #expect(outcome == .good)
    }
}
