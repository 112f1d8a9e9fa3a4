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

    static var available: [TestKernel] {
        ProcessInfo.processInfo.environment["IPVS_LAB"] == "1" ? allCases : [.fake]
    }

    var testDescription: String { rawValue }

    /// A kernel that holds nothing of ours.
    func empty() async -> any NodeKernel {
        switch self {
        case .fake: return FakeKernel()
        case .linux:
            let kernel = LinuxKernel(linkName: "kube-ipvs0")
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

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

/// The same numbers for the same seed, so that a failure can be had again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
