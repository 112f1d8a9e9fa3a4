import Addresses
import FakeKernel
import Foundation
import IPVSModel
import LinuxKernel
import NodeKernel
import NodeModel
import Planner
import Testing

/// The kernels that the contract is tested on: the fake one always, Linux where the laboratory is (`IPVS_LAB=1`).
enum TestKernel: String, CaseIterable, CustomTestStringConvertible {
    case fake
    case linux
    /// Linux, looked at as where it has more virtual servers than its text is read for.
    case linuxOneByOne

    static var available: [TestKernel] { everyLook.filter { $0 != .linuxOneByOne } }

    /// For what depends on how real servers are come by.
    static var everyLook: [TestKernel] {
        ProcessInfo.processInfo.environment["IPVS_LAB"] == "1" ? allCases : [.fake]
    }

    var testDescription: String { rawValue }

    /// A kernel that holds nothing of ours.
    func empty() async -> any NodeKernel {
        switch self {
        case .fake: return FakeKernel()
        case .linux, .linuxOneByOne:
            let kernel = self == .linux ? LinuxKernel(linkName: "kube-ipvs0") : LinuxKernel(linkName: "kube-ipvs0", mostInText: 0)
            let observed = await kernel.observe(.everything)
            #expect(observed.failures == [])
            var plan = Planner.cleanup(observed: observed.state, ownership: Ownership(), linkName: "kube-ipvs0")
            for key in observed.state.virtualServers.keys { plan.operations.append(.removeVirtualServer(key)) }
            _ = await kernel.apply(plan.operations)
            let left = await kernel.observe(.everything).state
            #expect(left.virtualServers.isEmpty && left.sets.isEmpty && left.addresses.isEmpty && left.link == .absent)
            #expect(left.rules.values.allSatisfy { $0.tables.isEmpty })
            return kernel
        }
    }
}

/// Runs a tool that is none of ours, as another program on the node would.
func run(_ tool: String, _ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [tool] + arguments
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(tool) \(arguments)")
}

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}
