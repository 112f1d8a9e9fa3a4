import ArgumentParser
import CommandSupport
import IPSetReading
import IPVS
import NearNames
import NodeModel

/// `ipvsctl get sets`: the sets that the rules match, and what is in one.
struct GetSets: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "sets", abstract: "List the sets that rules match, or the entries of one.", aliases: ["set", "ipsets"])

    @Argument(help: ArgumentHelp("A set, such as KUBE-CLUSTER-IP, whose entries are listed.", valueName: "set")) var set: String?
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        guard let set else {
            return try await output.show {
                ItemList(items: try Self.read().map { SetItem(key: $0, set: $1) }.sorted { $0.key < $1.key })
            }
        }
        let key = try Self.key(set)
        try await output.show {
            guard let found = try Self.read([key])[key] else { throw CommandFailure("there is no set \(key) in this network namespace") }
            return ItemList(items: found.entries.sorted().map { SetEntryItem(set: key.name, entry: $0.description) })
        }
    }

    static func read(_ keys: [SetKey] = SetKey.all) throws -> [SetKey: ObservedSet] {
        do throws(SetError) {
            var reader = try SetReader()
            return try reader.list(keys)
        } catch {
            let isMissing = error.reason == .noSubsystem || error.reason == .notPermitted
            throw CommandFailure("\(error)", status: isMissing ? ExitStatus.unavailable : ExitStatus.failure)
        }
    }

    /// The set that a person names: whole, without KUBE-, in any case, or by its beginning.
    static func key(_ text: String) throws(CommandFailure) -> SetKey {
        let name = text.uppercased()
        for candidate in [name, "KUBE-" + name] { if let key = SetKey(name: candidate) { return key } }
        if let key = SetKey.all.only(where: { $0.name.hasPrefix(name) || $0.name.hasPrefix("KUBE-" + name) }) { return key }
        throw CommandFailure(
            "\(text) is none of our sets" + NearNames.suggestion(for: name, among: SetKey.all.map(\.name)), status: ExitStatus.invalid)
    }
}

/// A set in a listing.
struct SetItem: ListedItem {
    static let kind = "SetListing"

    var key: SetKey
    var set: ObservedSet

    var name: String { key.name }

    static var columns: [ListedColumn<SetItem>] {
        [
            .text("SET") { $0.name },
            .text("TYPE") { $0.set.typeName }.toned { $0.set.serves(as: $0.key) ? .plain : .bad },
            .text("FAMILY") { $0.key.family.description },
            .number("ENTRIES") { $0.set.entries.count },
            .text("ROOM") { $0.set.maximumEntries == 0 ? "all ports" : "\($0.set.maximumEntries)" },
        ]
    }

    private enum Field: String, CodingKey { case name, type, family, entries, maximumEntries, isOurs }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(name, forKey: .name)
        try container.encode(set.typeName, forKey: .type)
        try container.encode(key.family.description, forKey: .family)
        try container.encode(set.serves(as: key), forKey: .isOurs)
        if set.maximumEntries != 0 { try container.encode(set.maximumEntries, forKey: .maximumEntries) }
        try container.encode(set.entries.sorted().map(\.description), forKey: .entries)
    }
}

/// An entry of a set in a listing.
struct SetEntryItem: ListedItem {
    static let kind = "SetEntryListing"

    var set: String
    var entry: String

    var name: String { entry }

    static var columns: [ListedColumn<SetEntryItem>] { [.text("ENTRY") { $0.entry }, .text("SET", .wide) { $0.set }] }
}
