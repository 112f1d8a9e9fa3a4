import Addresses
import NodeModel
import Testing

@testable import IPSetReading
@testable import IPSets

struct SetErrorTests {
    @Test func codesMeanWhatWasAskedFor() {
        func reason(_ action: SetError.Action, _ code: Int32, isBitmap: Bool = false) -> SetError.Reason {
            SetError.Reason(code: code, action: action, message: "", isBitmap: isBitmap)
        }
        #expect(reason(.create, 17) == .differentSet(""))
        #expect(reason(.open, 1) == .notPermitted)
        #expect(reason(.open, 22) == .noSubsystem)
        #expect(reason(.create, 22) == .other)
        #expect(reason(.destroy, 4100) == .inUse)
        #expect(reason(.create, 4098) == .unsupportedType)
        #expect(reason(.add, 4352) == .full)
        #expect(reason(.add, 4352, isBitmap: true) == .other)
        #expect(reason(.add, 2) == .noSuchSet)
    }

    @Test(arguments: [
        (ServiceSet.clusterIP, "ip_set_hash_ipport"), (.loopBack, "ip_set_hash_ipportip"),
        (.loadBalancerSourceCIDR, "ip_set_hash_ipportnet"),
        (.boundAddresses, "ip_set_hash_ip"), (.nodePortTCP, "ip_set_bitmap_port"),
    ])
    func namesTheModuleOfTheType(set: ServiceSet, module: String) {
        let error = SetError(.create, set.name(.ipv6), reason: .unsupportedType, code: 4098, message: "set type not supported")
        #expect(error.remedy?.contains("modprobe \(module))") == true)
    }

    @Test func saysActionObjectMessageCodeAndRemedy() {
        let error = SetError(.add, "KUBE-CLUSTER-IP 10.0.0.1,tcp:80", reason: .full, code: 4352, message: "Hash is full")
        #expect(error.description.hasPrefix("add to set KUBE-CLUSTER-IP 10.0.0.1,tcp:80: Hash is full [4352]. "))
    }
}
