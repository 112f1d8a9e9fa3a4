import Addresses
import Foundation
import NodeModel
import Testing

@testable import PacketRules

/// Both back ends, where they work, against the running kernel. kube-proxy's recorded rules must come back letter by letter.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"))
struct PacketRuleToolKernelTests {
    static let recorded: [(AddressFamily, String)] = [
        (.ipv4, KubeProxyRules.clusterIP4), (.ipv6, KubeProxyRules.clusterIP6), (.ipv4, KubeProxyRules.sourceRanges4),
    ]

    private func shell(_ command: String) -> Int32 { unsafe system(command) }

    /// The back ends that this kernel has. One at least, or the test has nothing to stand on.
    private func tools() async throws -> [PacketRuleTool] {
        var tools: [PacketRuleTool] = []
        for setting in [RuleBackEndSetting.legacy, .nft] {
            do throws(RuleError) {
                tools.append(try await PacketRuleTool.choose(setting))
            } catch {
                print("not in this kernel: \(error)")
                #expect(error.remedy != nil)
            }
        }
        try #require(!tools.isEmpty)
        return tools
    }

    private func makeSets(of rules: String, _ family: AddressFamily) {
        for word in Set(rules.matches(of: #/--match-set (\S+) (\S+)/#).map { "\($0.1) \($0.2)" }) {
            let name = word.split(separator: " ")[0]
            let type = SetKey(name: String(name))?.type ?? .hashAddress
            let options = type == .bitmapPort ? "range 0-65535" : "family \(family == .ipv4 ? "inet" : "inet6")"
            _ = shell("ipset create -exist \(name) \(type.rawValue) \(options)")
        }
    }

    /// What makes the tables out of nothing, and what takes them away again.
    private func changes(_ tables: RuleTables, _ family: AddressFamily) -> (make: RuleChange, remove: RuleChange) {
        var (make, remove) = (RuleChange(family), RuleChange(family))
        for (name, table) in tables.tables {
            make.tables[name, default: .init()].writtenChains = table.chains
            make.tables[name]?.insertedJumps = table.jumps.reversed()
            remove.tables[name, default: .init()].removedChains = Array(table.chains.keys)
            remove.tables[name]?.removedJumps = table.jumps
        }
        return (make, remove)
    }

    @Test func kubeProxysRulesComeBackLetterByLetter() async throws {
        for tool in try await tools() {
            for (family, text) in Self.recorded {
                let wanted = RuleSaveText(text).own
                try #require(wanted.tables.count == 2)
                makeSets(of: text, family)
                let (make, remove) = changes(wanted, family)
                try await tool.apply(make)
                var seen = try await tool.observe([family])
                #expect(seen[family] == wanted, "\(tool.backEnd)")
                // Written whole a second time, nothing is there twice.
                var again = make
                for name in again.tables.keys { again.tables[name]?.insertedJumps = [] }
                try await tool.apply(again)
                seen = try await tool.observe([family])
                #expect(seen[family] == wanted, "\(tool.backEnd)")
                try await tool.apply(remove)
                seen = try await tool.observe([family])
                #expect(seen[family] == RuleTables(), "\(tool.backEnd)")
            }
        }
        _ = shell("ipset destroy")
    }

    @Test func aRefusedChangeChangesNothingAndSaysWhy() async throws {
        for tool in try await tools() {
            var table = RuleChange.TableChange()
            table.writtenChains = ["KUBE-SERVICES": ["-j RETURN", "-m set --match-set NO-SUCH-SET dst -j RETURN"]]
            await #expect {
                try await tool.apply(RuleChange(.ipv4, ["nat": table]))
            } throws: {
                let error = $0 as? RuleError
                return error?.remedy?.contains("ipset") == true && error?.message.contains("NO-SUCH-SET") == true
            }
            table.writtenChains = ["KUBE-SERVICES": ["-j RETURN", "-j NO-SUCH-CHAIN"]]
            await #expect {
                try await tool.apply(RuleChange(.ipv4, ["nat": table]))
            } throws: {
                // The legacy back end names the line; nft names the chain.
                $0 is RuleError && "\($0)".contains("NO-SUCH-CHAIN")
            }
            let seen = try await tool.observe([.ipv4])
            #expect(seen[.ipv4] == RuleTables())
        }
    }

    @Test func othersRulesStayAsTheyAre() async throws {
        for tool in try await tools() {
            let name = "iptables-\(tool.backEnd.rawValue)"
            #expect(
                shell("\(name) -t nat -N OTHERS && \(name) -t nat -A OUTPUT -d 192.0.2.1 -j OTHERS && \(name) -t nat -A OTHERS -j RETURN")
                    == 0)
            let print = "\(name)-save -t nat | grep OTHERS | sed 's/\\[.*//'"
            #expect(shell("\(print) > /tmp/others.before") == 0)
            let (make, remove) = changes(RuleSaveText(KubeProxyRules.clusterIP4).own, .ipv4)
            makeSets(of: KubeProxyRules.clusterIP4, .ipv4)
            try await tool.apply(make)
            try await tool.apply(remove)
            #expect(shell("\(print) | cmp - /tmp/others.before") == 0)
            #expect(shell("\(name) -t nat -F OUTPUT; \(name) -t nat -F OTHERS; \(name) -t nat -X OTHERS") == 0)
        }
        _ = shell("ipset destroy")
    }

    @Test func theBackEndOfOthersRulesIsChosen() async throws {
        let tools = try await tools()
        for tool in tools {
            let name = "iptables-\(tool.backEnd.rawValue)"
            #expect(shell("\(name) -t mangle -N KUBE-KUBELET-CANARY") == 0)
            let chosen = try await PacketRuleTool.choose()
            #expect(chosen.backEnd == tool.backEnd)
            #expect(shell("\(name) -t mangle -X KUBE-KUBELET-CANARY") == 0)
        }
    }
}
