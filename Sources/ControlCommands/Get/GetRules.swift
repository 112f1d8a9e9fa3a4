import ArgumentParser
import CommandSupport
import IPVS
import NodeModel
import PacketRules

/// `ipvsctl get rules`: our chains, and the jumps to them.
struct GetRules: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "List the packet filter rules that balancing needs.", aliases: ["rule", "chains"])

    @Argument(help: ArgumentHelp("Only those of this chain.", valueName: "chain")) var chain: String?
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        let tool = try await Self.tool()
        try await output.show {
            let items = RuleItem.all(try await Self.observe(tool), backEnd: tool.backEnd.rawValue)
            let wanted = chain?.uppercased()
            return ItemList(
                items: items.filter { item in wanted.map { item.chain.uppercased().hasPrefix($0) } ?? true },
                notes: tool.warnings.map(\.description))
        }
    }

    static func tool() async throws -> PacketRuleTool {
        do throws(RuleError) { return try await PacketRuleTool.choose(families: [.ipv4]) } catch { throw failure(error) }
    }

    static func observe(_ tool: PacketRuleTool) async throws -> [AddressFamily: RuleTables] {
        var rules: [AddressFamily: RuleTables] = [:]
        for family in AddressFamily.allCases {
            do throws(RuleError) {
                rules.merge(try await tool.observe([family])) { $1 }
            } catch {
                // A kernel without IPv6 has no rules of it.
                if family == .ipv4 { throw failure(error) }
            }
        }
        return rules
    }

    private static func failure(_ error: RuleError) -> CommandFailure { CommandFailure("\(error)", status: ExitStatus.unavailable) }
}

/// A rule in a listing.
struct RuleItem: ListedItem {
    static let kind = "RuleListing"

    var family: String
    var table: String
    var chain: String
    var number: Int
    var rule: String
    /// Whether it leads from a chain that is everybody's to one of ours.
    var isJump: Bool
    var backEnd: String

    var name: String { "\(family)/\(table)/\(chain)/\(number)" }

    static var columns: [ListedColumn<RuleItem>] {
        [
            .text("FAMILY") { $0.family }, .text("TABLE") { $0.table }, .text("CHAIN") { $0.chain }, .number("NO") { $0.number },
            .text("RULE") { $0.rule },
            .text("BACK END", .wide) { $0.backEnd },
        ]
    }

    /// The jumps to our chains first, then the chains, rule by rule.
    static func all(_ rules: [AddressFamily: RuleTables], backEnd: String) -> [RuleItem] {
        var items: [RuleItem] = []
        for (family, tables) in rules.sorted(by: { $0.key < $1.key }) {
            for (name, table) in tables.tables.sorted(by: { $0.key < $1.key }) {
                var jumps: [String: Int] = [:]
                for jump in table.jumps {
                    jumps[jump.chain, default: 0] += 1
                    items.append(
                        RuleItem(
                            family: family.description, table: name, chain: jump.chain, number: jumps[jump.chain] ?? 0, rule: jump.rule,
                            isJump: true,
                            backEnd: backEnd))
                }
                for (chain, rules) in table.chains.sorted(by: { $0.key < $1.key }) {
                    for (index, rule) in rules.enumerated() {
                        items.append(
                            RuleItem(
                                family: family.description, table: name, chain: chain, number: index + 1, rule: rule, isJump: false,
                                backEnd: backEnd))
                    }
                }
            }
        }
        return items
    }
}
