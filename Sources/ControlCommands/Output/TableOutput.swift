/// A listing as people read it: a heading, and columns as wide as what is in them.
struct TableOutput {
    struct Column {
        var title: String
        /// Numbers stand to the right, so that their digits line up.
        var isNumber = false

        init(_ title: String, isNumber: Bool = false) {
            self.title = title
            self.isNumber = isNumber
        }
    }

    var columns: [Column]
    var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    var text: String {
        var widths = columns.map(\.title.count)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
        }
        let lines = ([columns.map(\.title)] + rows).map { row in
            let cells = row.enumerated().map { index, cell in
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                return columns[index].isNumber ? padding + cell : cell + padding
            }
            let line = cells.joined(separator: "   ")
            return line.prefix(upTo: line.lastIndex { $0 != " " }.map(line.index(after:)) ?? line.startIndex)
        }
        return lines.joined(separator: "\n")
    }
}
