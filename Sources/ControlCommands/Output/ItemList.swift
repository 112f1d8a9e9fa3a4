import FoundationEssentials
import Yams

/// One thing of a listing. Every format is made from it: a row, a document, a name.
protocol ListedItem: Encodable {
    /// The `kind` of the listing's document.
    static var kind: String { get }
    static var columns: [ListedColumn<Self>] { get }
    /// By which it can be named to other verbs.
    var name: String { get }
}

/// A column of a table, and what can be sorted by.
struct ListedColumn<Item> {
    enum Shown {
        case always
        /// In the wide table only.
        case wide
        /// Where any row has something in it.
        case ifAny
    }

    var title: String
    var isNumber = false
    var shown = Shown.always
    var tone: (Item) -> Tone = { _ in .plain }
    /// Empty where there is nothing to say, which is shown as "-".
    var text: (Item) -> String

    static func text(_ title: String, _ shown: Shown = .always, _ text: @escaping (Item) -> String) -> ListedColumn {
        ListedColumn(title: title, shown: shown, text: text)
    }

    static func number<Number: BinaryInteger>(
        _ title: String, _ shown: Shown = .always, _ number: @escaping (Item) -> Number
    ) -> ListedColumn {
        ListedColumn(title: title, isNumber: true, shown: shown) { "\(number($0))" }
    }

    /// The same with a tone for each cell.
    func toned(_ tone: @escaping (Item) -> Tone) -> ListedColumn {
        var column = self
        column.tone = tone
        return column
    }

    /// The name by which it is sorted: `in-packets`.
    var option: String { title.lowercased().replacing(" ", with: "-") }
}

/// Things of one kind, and what has to be said about how they were seen.
struct ItemList<Item: ListedItem> {
    var items: [Item]
    /// Sentences about what is missing, for whoever looks closer.
    var notes: [String] = []

    /// As it is printed.
    func text(_ format: OutputFormat, style: Style = .plain) throws -> String {
        switch format {
        case .table, .wide: return table(isWide: format == .wide, style: style)
        case .name: return items.map(\.name).joined(separator: "\n")
        case .json: return try DocumentText.json(document)
        case .yaml: return try DocumentText.yaml(document)
        }
    }

    private var document: ListingDocument<Item> { ListingDocument(items: items, notes: notes.isEmpty ? nil : notes) }

    private func table(isWide: Bool, style: Style) -> String {
        let columns = Item.columns.filter { column in
            switch column.shown {
            case .always: true
            case .wide: isWide
            case .ifAny: items.contains { !column.text($0).isEmpty }
            }
        }
        var table = TableOutput(columns.map { .init($0.title, isNumber: $0.isNumber) })
        table.rows.reserveCapacity(items.count)
        for item in items {
            table.rows.append(
                columns.map { column in
                    let text = column.text(item)
                    return .init(text.isEmpty ? "-" : text, tone: column.tone(item))
                })
        }
        return table.text(style) + (isWide ? notes.map { "\n# " + $0.printable }.joined() : "")
    }

    /// The items by a column, those that are equal in their order.
    mutating func sort(by option: String) throws(SortProblem) {
        let isReversed = option.hasPrefix("-")
        let name = String(isReversed ? option.dropFirst() : option[...]).lowercased()
        let columns = Item.columns.filter { $0.option == name }
        guard let column = columns.first ?? Item.columns.only(where: { $0.option.hasPrefix(name) }) else {
            throw SortProblem(option: name, columns: Item.columns.map(\.option))
        }
        let texts = items.map(column.text)
        let order = items.indices.sorted { left, right in
            switch NaturalOrder.compare(texts[left], texts[right]) {
            case 0: left < right
            case let comparison: isReversed ? comparison > 0 : comparison < 0
            }
        }
        items = order.map { items[$0] }
    }
}

/// The document of a listing.
struct ListingDocument<Item: ListedItem>: Encodable {
    let apiVersion = DocumentText.apiVersion
    let kind = Item.kind
    var items: [Item]
    var notes: [String]?
}

/// A column that is not there.
struct SortProblem: Error {
    var option: String
    var columns: [String]
}

extension Collection {
    /// The one element that a condition holds of; nil where there is none, or more than one.
    func only(where condition: (Element) -> Bool) -> Element? {
        var found: Element?
        for element in self where condition(element) {
            if found != nil { return nil }
            found = element
        }
        return found
    }
}

/// Documents as text: keys in a fixed order, so that outputs can be compared.
enum DocumentText {
    static let apiVersion = "ipvs-agent.dev/v1alpha1"

    static func json(_ document: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self).printableJSON
    }

    static func jsonLine(_ document: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self).printableJSON
    }

    static func yaml(_ document: some Encodable) throws -> String {
        let encoder = YAMLEncoder()
        encoder.options = .init(width: -1, allowUnicode: true, sortKeys: true)
        let text = try encoder.encode(document)
        return String(text.hasSuffix("\n") ? text.dropLast() : text[...])
    }
}
