package import Addresses
import Glibc
import IPSets
import IPVS
import Links
import NetlinkTransport
import NodeKernel
package import PacketRules

/// This node's own kernel: the subsystems that load balancing needs, behind one door.
///
/// Everything that talks to the kernel does so from here, one thing after the other. Sockets and tools are sought when they are first
/// needed and again after they failed, so that a module that is loaded later is found.
package actor LinuxKernel: NodeKernel {
    private let executor = SerialQueueExecutor(label: "ipvs-agent.kernel")
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    let linkName: String
    let sysctlNames: [String]
    private let ruleBackEnd: RuleBackEndSetting
    /// Of more virtual servers than this, real servers are asked for one virtual server at a time.
    let mostInText: Int

    private var ipvs: IPVSHandle?
    private var links: LinkSocket?
    private var sets: SetSession?
    private(set) var rules: PacketRuleTool?
    var rulesAtChoice = RulesAtChoice()

    /// The look at flows that is under way.
    var flows: FlowLook?
    /// The look at everything that is under way, with the socket or file that it has open.
    var sweep: Sweep?

    /// - Parameters:
    ///   - linkName: the dummy link's name.
    ///   - sysctlNames: the kernel settings to look at, by dotted names.
    ///   - ruleBackEnd: which of iptables' back ends writes the rules.
    ///   - mostInText: of how many virtual servers real servers are read from `/proc/net/ip_vs`. For every page of it, which shows a dozen, the
    ///     kernel walks its table from the beginning: the time grows with the square of their number. Of more than this it takes longer than
    ///     to ask for the real servers of each by itself.
    package init(
        linkName: String, sysctlNames: [String] = [], ruleBackEnd: RuleBackEndSetting = .auto, mostInText: Int = 32768
    ) {
        self.linkName = linkName
        self.sysctlNames = sysctlNames
        self.ruleBackEnd = ruleBackEnd
        self.mostInText = mostInText
    }

    /// IPv4, and IPv6 unless it was left out of the kernel or switched off at boot (`ipv6.disable=1`).
    package static var families: Set<AddressFamily> {
        unsafe access("/proc/net/if_inet6", F_OK) == 0 ? [.ipv4, .ipv6] : [.ipv4]
    }

    /// The kernel's release, as `uname -r` prints it.
    package static var release: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: &name.release) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// How many messages have been sent to IPVS, and in how many sends; so that tests can count what a change costs.
    package var ipvsTraffic: (messages: Int, sends: Int) {
        guard let statistics = ipvs?.statistics else { return (0, 0) }
        return (statistics.messages, statistics.sends)
    }

    /// How many processes have been started to read or write rules.
    package private(set) var ruleProcesses = 0

    /// What applying has cost since that was last taken.
    var cost = KernelCost()

    // MARK: Ways to the subsystems

    func withIPVS<Value: ~Copyable>(_ body: (inout IPVSHandle) throws(IPVSError) -> Value) throws(KernelFailure) -> Value {
        do throws(IPVSError) {
            var handle: IPVSHandle
            if let open = ipvs.take() { handle = open } else { handle = try IPVSHandle() }
            // Kept only if it served: after an error the next call opens a new one.
            let value = try body(&handle)
            ipvs = consume handle
            return value
        } catch {
            throw KernelFailure(error)
        }
    }

    func withSets<Value>(_ body: (borrowing SetSession) throws(SetError) -> Value) throws(KernelFailure) -> Value {
        do throws(SetError) {
            let session: SetSession
            if let open = sets.take() { session = open } else { session = try SetSession() }
            let value: Value
            do throws(SetError) {
                value = try body(session)
            } catch {
                sets = consume session
                throw error
            }
            sets = consume session
            return value
        } catch {
            throw KernelFailure(error)
        }
    }

    func withLinks<Value>(_ body: (inout LinkSocket) throws(LinkError) -> Value) throws(KernelFailure) -> Value {
        do throws(LinkError) {
            var socket: LinkSocket
            if let open = links.take() { socket = open } else { socket = try LinkSocket() }
            let value = try body(&socket)
            links = consume socket
            return value
        } catch {
            throw KernelFailure(error)
        }
    }

    func withRules<Value: Sendable>(
        processes: Int, _ body: (PacketRuleTool) async throws(RuleError) -> Value
    ) async throws(KernelFailure) -> Value {
        ruleProcesses += processes
        do throws(RuleError) {
            let tool: PacketRuleTool
            if let rules {
                tool = rules
            } else {
                rulesAtChoice.note(at: .now)
                tool = try await PacketRuleTool.choose(ruleBackEnd, families: Self.families.sorted())
            }
            rules = tool
            return try await body(tool)
        } catch {
            throw KernelFailure(error)
        }
    }
}
