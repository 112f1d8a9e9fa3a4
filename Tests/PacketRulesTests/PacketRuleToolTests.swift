import Addresses
import NodeModel
import Synchronization
import Testing

@testable import PacketRules

/// A machine whose tools print what the test says.
private struct Machine {
    var installed: Set<String> = ["iptables-legacy-save", "iptables-legacy-restore", "iptables-nft-save", "iptables-nft-restore"]
    var printed: [String: String] = [:]
    var failing: [String: String] = [:]
    var failingNat: [String: String] = [:]
    var machineDefault = "xtables-nft-multi"

    func choose(_ setting: RuleBackEndSetting = .auto) async throws(RuleError) -> PacketRuleTool {
        let machine = self
        return try await PacketRuleTool.choose(
            setting, families: [.ipv4],
            places: ToolPlaces(
                find: { machine.installed.contains($0) || $0 == "iptables" ? "/sbin/\($0)" : nil },
                resolve: { _ in "/usr/sbin/\(machine.machineDefault)" }),
            run: { run in
                let name = String(run.path.dropFirst("/sbin/".count))
                let message = machine.failing[name] ?? (run.arguments == ["-t", "nat"] ? machine.failingNat[name] : nil)
                if let message { return ToolRun.Result(cause: .failed(status: 1), message: message) }
                return ToolRun.Result(output: machine.printed[name] ?? "")
            })
    }
}

struct PacketRuleToolTests {
    private func rules(_ count: Int, mark: Bool = false) -> String {
        "*filter\n:INPUT ACCEPT [0:0]\n" + (mark ? ":KUBE-IPTABLES-HINT - [0:0]\n" : "")
            + String(repeating: "-A INPUT -j ACCEPT\n", count: count) + "COMMIT\n"
    }

    @Test func kubeletsMarkDecidesThenTheRulesThenTheMachine() async throws {
        var machine = Machine()
        #expect(try await machine.choose().backEnd == .nft)
        machine.machineDefault = "xtables-legacy-multi"
        #expect(try await machine.choose().backEnd == .legacy)
        machine.printed["iptables-nft-save"] = rules(2)
        #expect(try await machine.choose().backEnd == .nft)
        #expect(try await machine.choose().warnings.isEmpty)
        machine.printed["iptables-legacy-save"] = rules(1, mark: true)
        let chosen = try await machine.choose()
        #expect(chosen.backEnd == .legacy)
        #expect(chosen.warnings == [.bothBackEndsInUse(chosen: .legacy, others: 2)])
        #expect(try await machine.choose(.nft).backEnd == .nft)
    }

    @Test func whatDoesNotWorkIsNotChosen() async throws {
        var machine = Machine()
        machine.failing["iptables-nft-save"] = "iptables-nft-save: Failed to initialize nft: Protocol not supported"
        #expect(try await machine.choose().backEnd == .legacy)
        await #expect {
            _ = try await machine.choose(.nft)
        } throws: {
            ($0 as? RuleError)?.remedy?.contains("legacy back end") == true
        }
        machine.failingNat["iptables-legacy-save"] = "can't initialize iptables table `nat': Table does not exist"
        await #expect {
            _ = try await machine.choose()
        } throws: {
            ($0 as? RuleError)?.remedy?.contains("modprobe -a iptable_nat") == true
        }
        machine = Machine()
        machine.installed = ["iptables-save", "iptables-restore"]
        machine.machineDefault = "xtables-legacy-multi"
        #expect(try await machine.choose().backEnd == .legacy, "a machine may have one back end, without its own name")
        machine.installed = ["iptables-nft-save"]
        await #expect { _ = try await machine.choose() } throws: { ($0 as? RuleError)?.cause == .toolMissing }
    }

    /// nf_tables without the IPv4 family shows nothing, without an error.
    @Test func aBackEndThatCannotWriteIsNotChosen() async throws {
        var machine = Machine()
        machine.installed.insert("unshare")
        machine.failing["unshare"] = "iptables-nft-restore: TABLE_ADD failed (Operation not supported): table nat"
        #expect(try await machine.choose().backEnd == .legacy)
        machine.failing["unshare"] = "unshare: unshare failed: Operation not permitted"
        #expect(try await machine.choose().backEnd == .nft)
    }

    @Test func chainsOfOursInTheOtherBackEndAreTold() async throws {
        var machine = Machine()
        machine.printed["iptables-legacy-save"] = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\nCOMMIT\n"
        machine.printed["iptables-nft-save"] = rules(1)
        let chosen = try await machine.choose()
        #expect(chosen.backEnd == .nft && chosen.warnings == [.ownChainsInOtherBackEnd(.legacy)])
    }

    /// A restart starts as few processes as can be.
    @Test func whatTheChoiceHasSeenIsNotAskedForAgain() async throws {
        let counter = Mutex<[[String]]>([])
        let text = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\nCOMMIT\n"
        let tool = try await PacketRuleTool.choose(
            .auto, families: [.ipv4],
            places: ToolPlaces(find: { "/sbin/\($0)" }, resolve: { _ in "/usr/sbin/xtables-legacy-multi" }),
            run: { run in
                counter.withLock { $0.append([run.path] + run.arguments) }
                return ToolRun.Result(output: run.path.contains("legacy") ? text : "")
            })
        #expect(tool.backEnd == .legacy)
        #expect(tool.seenAtChoice == [.ipv4: RuleSaveText(text).own])
        // They are asked at the same time, so either may be the first.
        let started = counter.withLock { $0.map { $0.joined(separator: " ") }.sorted() }
        #expect(started == ["/sbin/iptables-legacy-save", "/sbin/iptables-nft-save"])
    }

    @Test(arguments: [
        "iptables-restore: line 2 failed", "Error occurred at line: 2\nTry `iptables-restore -h'",
        "iptables-nft-restore v1.8.9 (nf_tables): \nline 2: RULE_APPEND failed (No such file or directory): rule in chain KUBE-SERVICES",
    ])
    func theRefusedLineIsShown(message: String) {
        let text = "*nat\n-A KUBE-SERVICES -j NOWHERE\nCOMMIT\n"
        let error = RuleError("write rules", .ipv4, tool: "/sbin/x", .failed(status: 1), message: message, text: text)
        #expect(error.line == "-A KUBE-SERVICES -j NOWHERE")
        #expect(RuleError("", .ipv4, tool: "", .failed(status: 1), message: "line 99999999999999999999 failed", text: text).line == nil)
    }

    @Test func theModuleOfAMissingMatchIsNamed() {
        let message = "Warning: Extension ipvs revision 0 not supported, missing kernel module?\niptables-restore: line 28 failed"
        let error = RuleError("write rules", .ipv4, tool: "/sbin/x", .failed(status: 1), message: message)
        #expect(error.remedy?.contains("modprobe xt_ipvs)") == true)
    }
}
