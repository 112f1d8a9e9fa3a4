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

    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var tone = Tone.plain

        init(_ text: String, tone: Tone = .plain) {
            self.text = text.printable
            self.tone = tone
        }

        init(stringLiteral value: String) { text = value }
    }

    var columns: [Column]
    var rows: [[Cell]] = []

    init(_ columns: [Column]) { self.columns = columns }

    func text(_ style: Style = .plain) -> String {
        var widths = columns.map(\.title.count)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.text.count) }
        }
        var text = line(columns.map { Cell($0.title, tone: .heading) }, widths, style)
        for row in rows { text += "\n" + line(row, widths, style) }
        return text
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ style: Style) -> String {
        var line = ""
        var pending = 0
        for (index, cell) in cells.enumerated() {
            let padding = widths[index] - cell.text.count
            if columns[index].isNumber { pending += padding }
            // Spaces are written when something follows them, so that no line ends with any.
            if !cell.text.isEmpty {
                line += String(repeating: " ", count: pending) + style.paint(cell.text, cell.tone)
                pending = 0
            }
            pending += 3 + (columns[index].isNumber ? 0 : padding)
        }
        return line
    }
}
