package import Addresses
package import NodeModel

/// Reads and changes the packet filter rules of both families, through iptables' own tools and one of its two back ends.
///
/// One process reads all tables of a family, one carries out a change to it. Nothing runs longer than its time.
package struct PacketRuleTool: Sendable {
    package let backEnd: RuleBackEnd
    /// What the operator should know about the machine's rules, as it was when the back end was chosen.
    package let warnings: [RuleWarning]

    /// Our chains and the jumps to them, of each family that was seen when the back end was chosen.
    package let seenAtChoice: [AddressFamily: RuleTables]

    /// What stands in each back end that answers.
    package let surveys: [RuleBackEnd: BackEndSurvey]

    private let places: ToolPlaces
    private let run: ToolRun.Runner

    /// Chooses the back end: see ``RuleBackEndSetting``.
    ///
    /// Nothing is written, and no kernel module is loaded for a back end that is not chosen: a legacy table that exists makes every
    /// nft tool warn from then on.
    ///
    /// The back end must work for each of the families, whose rules will be kept. Where none of them does, what the preferred one's tool
    /// said is thrown.
    package static func choose(
        _ setting: RuleBackEndSetting = .auto, families: [AddressFamily] = AddressFamily.allCases, seconds: Int = 30
    ) async throws(RuleError) -> PacketRuleTool {
        try await choose(setting, families: families, places: .machine, run: ToolRun.runner(seconds: seconds))
    }

    static func choose(
        _ setting: RuleBackEndSetting, families: [AddressFamily], places: ToolPlaces, run: @escaping ToolRun.Runner
    ) async throws(RuleError) -> PacketRuleTool {
        var surveys: [RuleBackEnd: BackEndSurvey] = [:]
        var seen: [RuleBackEnd: [AddressFamily: RuleTables]] = [:]
        var withNat: [RuleBackEnd: Set<AddressFamily>] = [:]
        for look in await looks(families, places, run) {
            surveys[look.backEnd, default: BackEndSurvey()].add(look.text)
            seen[look.backEnd, default: [:]][look.family] = look.text.own
            if look.showsNat { withNat[look.backEnd, default: []].insert(look.family) }
        }
        var refusal: RuleError?
        for backEnd in BackEndChoice.order(surveys, machineDefault: places.machineDefault, setting: setting) {
            let warnings = BackEndChoice.warnings(surveys, chosen: backEnd)
            let tool = PacketRuleTool(
                backEnd: backEnd, warnings: warnings, seenAtChoice: seen[backEnd] ?? [:], surveys: surveys, places: places, run: run)
            do throws(RuleError) {
                for family in families {
                    try await tool.probe(family, hasShownNat: withNat[backEnd]?.contains(family) ?? false)
                }
                return tool
            } catch {
                refusal = refusal ?? error
            }
        }
        throw refusal ?? RuleError("choose a back end", .ipv4, tool: "iptables", .toolMissing)
    }

    /// What one back end shows of one family.
    private struct Look: Sendable {
        var backEnd: RuleBackEnd
        var family: AddressFamily
        var text: RuleSaveText
        var showsNat: Bool
    }

    /// What all of them show that answer. They are asked at the same time.
    private static func looks(_ families: [AddressFamily], _ places: ToolPlaces, _ run: @escaping ToolRun.Runner) async -> [Look] {
        await withTaskGroup(of: Look?.self) { group in
            for backEnd in RuleBackEnd.allCases {
                for family in families {
                    guard let path = places.tool("save", family, backEnd) else { continue }
                    group.addTask {
                        let result = await run(ToolRun(path: path, arguments: []))
                        guard result.cause == nil else { return nil }
                        let showsNat = result.output.contains("*nat")
                        return Look(backEnd: backEnd, family: family, text: RuleSaveText(result.output), showsNat: showsNat)
                    }
                }
            }
            return await group.reduce(into: []) { looks, look in if let look { looks.append(look) } }
        }
    }

    /// Has the kernel show its nat table, the one that a kernel is most likely not to have. One that was shown already need not be: each
    /// start of a process counts where an agent takes over what stands.
    private func probe(_ family: AddressFamily, hasShownNat: Bool) async throws(RuleError) {
        if hasShownNat {
            _ = try path(of: "restore", family, operation: "look for the tools")
            return
        }
        // Asked for one table, nft's tool prints it as it would be; asked for all, only those that are.
        let arguments = backEnd == .nft ? [] : ["-t", "nat"]
        let shown = try await use("save", family, arguments: arguments, operation: "look for the table nat")
        // The change will need the other tool.
        let restore = try path(of: "restore", family, operation: "look for the tools")
        if backEnd == .nft, !shown.contains("*nat") { try await probeWriting(family, restore) }
    }

    /// Has the kernel make a nat table in a network namespace that ends with the probe.
    ///
    /// A kernel that has nf_tables without the IPv4 or IPv6 family shows its tables, none, without an error: only writing tells.
    private func probeWriting(_ family: AddressFamily, _ restore: String) async throws(RuleError) {
        guard let unshare = places.find("unshare") else { return }
        let text = "*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -j RETURN\nCOMMIT\n"
        let result = await run(ToolRun(path: unshare, arguments: ["--net", restore, "--noflush"], input: text))
        // Not allowed to make a namespace is not allowed to probe, and no more.
        guard let cause = result.cause, !result.message.contains("unshare") else { return }
        throw RuleError("try to write rules", family, tool: restore, cause, message: result.message, text: text)
    }

    /// Our chains, and the jumps to them, in each family. All families are asked at the same time, by processes that give way to everything
    /// else where nobody waits for them.
    package func observe(
        _ families: [AddressFamily] = AddressFamily.allCases, givingWay: Bool = false
    ) async throws(RuleError) -> [AddressFamily: RuleTables] {
        let looks = await withTaskGroup(of: (AddressFamily, Result<RuleTables, RuleError>).self) { group in
            for family in families {
                group.addTask {
                    do throws(RuleError) {
                        let text = try await use("save", family, arguments: [], givingWay: givingWay, operation: "read rules")
                        return (family, .success(RuleSaveText(text).own))
                    } catch {
                        return (family, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        var tables: [AddressFamily: RuleTables] = [:]
        for family in families { tables[family] = try looks[family]?.get() }
        return tables
    }

    /// Carries out a change in one transaction for each table: the whole of it or, where an error is thrown, nothing in that table.
    package func apply(_ change: RuleChange) async throws(RuleError) {
        if change.isEmpty { return }
        let text: RuleRestoreText
        do throws(RuleTextError) {
            text = try RuleRestoreText(change)
        } catch {
            throw RuleError("write rules", change.family, tool: ToolPlaces.stem(change.family) + "-restore", .unwritable(error))
        }
        // --wait: seconds to wait for the lock that the legacy tools share; nft's take the option and need no lock.
        _ = try await use(
            "restore", change.family, arguments: ["--noflush", "--wait=5"], input: text.text, operation: "write rules")
    }

    /// Runs `iptables-BACKEND-VERB` and returns what it prints.
    private func use(
        _ verb: String, _ family: AddressFamily, arguments: [String], input: String = "", givingWay: Bool = false, operation: String
    ) async throws(RuleError) -> String {
        let path = try path(of: verb, family, operation: operation)
        let result = await run(ToolRun(path: path, arguments: arguments, input: input, givesWay: givingWay))
        if let cause = result.cause {
            throw RuleError(operation, family, tool: path, cause, message: result.message, text: input)
        }
        return result.output
    }

    private func path(of verb: String, _ family: AddressFamily, operation: String) throws(RuleError) -> String {
        guard let path = places.tool(verb, family, backEnd) else {
            throw RuleError(operation, family, tool: "\(ToolPlaces.stem(family))-\(backEnd.rawValue)-\(verb)", .toolMissing)
        }
        return path
    }
}
