import Glibc
import IPSets
import IPVS
import Links
import NetlinkTransport
import NodeKernel
import PacketRules
import Sysctls
import Testing

@testable import LinuxKernel

/// The cause decides what the agent does about a failure and which status it exits with, so each is pinned down.
@Suite struct FailureTranslationTests {
    @Test(arguments: [
        (EPERM, KernelFailure.Cause.privilege), (ESRCH, .stale), (EEXIST, .stale), (ENOMEM, .resource), (ERANGE, .other), (EINVAL, .other),
        (EAFNOSUPPORT, .missingFeature),
    ])
    func ofIPVS(number: Int32, cause: KernelFailure.Cause) throws {
        let key = VirtualServer.Key.address(IPAddress(ipv4: 0x0a60_000a), port: 80, .tcp)
        let operation = IPVSOperation.addVirtualServer(VirtualServer(key, .init(scheduler: .roundRobin)))
        #expect(KernelFailure(IPVSError(operation, errno: number)).cause == cause)
    }

    @Test func anUnknownSchedulerSaysWhatToLoad() throws {
        let key = VirtualServer.Key.address(IPAddress(ipv4: 0x0a60_000a), port: 80, .tcp)
        let server = VirtualServer(key, .init(scheduler: .powerOfTwoChoices))
        let failure = KernelFailure(IPVSError(.addVirtualServer(server), errno: ENOENT))
        #expect(failure.cause == .missingFeature)
        #expect(failure.description.contains("the kernel has no scheduler twos"), "\(failure)")
        #expect(failure.description.contains("modprobe ip_vs_twos"), "\(failure)")
        let real = RealServer.Key(IPAddress(ipv4: 1), port: 80)
        #expect(KernelFailure(IPVSError(.removeRealServer(real, from: key), errno: ENOENT)).cause == .stale)
    }

    @Test(arguments: [
        (SetError.Reason.full, KernelFailure.Cause.resource), (.noSuchSet, .stale), (.inUse, .conflict), (.differentSet(""), .conflict),
        (.notPermitted, .privilege), (.noSubsystem, .missingFeature), (.unsupportedType, .missingFeature),
    ])
    func ofSets(reason: SetError.Reason, cause: KernelFailure.Cause) {
        #expect(KernelFailure(SetError(.add, "KUBE-CLUSTER-IP", reason: reason, code: 1, message: "")).cause == cause)
    }

    @Test(arguments: [
        ("Could not fetch rule set generation id: Permission denied (you must be root)", KernelFailure.Cause.privilege),
        ("Can't open socket to ipset.", .privilege), ("line 2: TABLE_ADD failed (Operation not supported): table filter", .missingFeature),
        ("can't initialize iptables table `nat': Table does not exist (do you need to insmod?)", .missingFeature),
        ("Set KUBE-CLUSTER-IP doesn't exist.", .other), ("line 7 failed", .other),
    ])
    func ofWhatTheRuleToolsSay(message: String, cause: KernelFailure.Cause) {
        let error = RuleError("write rules", .ipv4, tool: "iptables-restore", .failed(status: 4), message: message)
        #expect(KernelFailure(error).cause == cause)
    }

    @Test func ofRulesLinksAndSettings() {
        #expect(KernelFailure(RuleError("write rules", .ipv4, tool: "iptables", .toolMissing)).cause == .missingFeature)
        #expect(KernelFailure(RuleError("write rules", .ipv4, tool: "iptables", .timedOut(seconds: 30))).cause == .resource)
        let refused = RuleError("write rules", .ipv4, tool: "iptables", .failed(status: 4), message: "you must be root")
        #expect(KernelFailure(refused).cause == .privilege)
        #expect(KernelFailure(LinkError.otherKind(name: "kube-ipvs0", kind: "bridge")).cause == .conflict)
        #expect(KernelFailure(LinkError.noSuchLink("kube-ipvs0")).cause == .stale)
        #expect(KernelFailure(SysctlError(.write("1"), "net.ipv4.vs.conntrack", errno: ENOENT)).cause == .missingFeature)
        #expect(KernelFailure(SysctlError(.write("1"), "net.ipv4.vs.conntrack", errno: EROFS)).cause == .privilege)
    }
}
