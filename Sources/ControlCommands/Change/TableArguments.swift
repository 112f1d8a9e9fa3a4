import ArgumentParser
import CommandSupport
import IPVS
import Planner
import VirtualServerDocuments

/// A table in a file, and what of it is meant.
struct TableArguments: ParsableArguments {
    @Option(help: "How the file is written: yaml, json or ipvsadm. Without it, its contents tell.") var format: TableFormat?

    @Option(
        help: ArgumentHelp("Only changes of this kind: add, update or remove. May be given several times.", valueName: "action"))
    var only: [Kind] = []

    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case add
        case update
        case remove
    }

    var actions: Set<TableChange.Action> {
        only.isEmpty ? Set(TableChange.Action.allCases) : Set(only.compactMap { TableChange.Action(rawValue: $0.rawValue) })
    }
}
