/// Puts the live view together as lines of text, none longer than the screen is wide.
struct TopScreen {
    var width: Int
    var height: Int
    var style = Style.plain
    /// Whether the terminal shows more than ASCII.
    var hasBlocks = true
    /// Whether what is chosen can be shown in reverse, which is no colour.
    var canInvert = false

    /// The lines above and below the rows.
    private static let frame = 5

    /// How many rows the screen has room for.
    var page: Int { max(height - Self.frame, 1) }

    func compose(_ model: inout TopModel) -> [String] {
        let visible = model.visible
        scroll(&model, visible.map(\.key))
        var lines = [heading(model, visible.count), totals(model), notice(model), columns(model)]
        for (key, row) in visible.dropFirst(model.offset).prefix(page) {
            let text = line(
                row.name, row.servers, Amount.short(row.active), Amount.short(row.connectionRate), Amount.short(row.packetRate),
                Amount.short(row.incomingByteRate), Amount.short(row.outgoingByteRate), sparkline(model.history[key] ?? []))
            lines.append(key == model.selected ? inverse(text) : text)
        }
        while lines.count < height - 1 { lines.append("") }
        lines = Array(lines.prefix(max(height - 1, 0)))
        lines.append(style.paint(fit(help(model)), .faint))
        return lines
    }

    /// Keeps what is selected in sight.
    private func scroll(_ model: inout TopModel, _ keys: [String]) {
        if let place = model.selected.flatMap({ keys.firstIndex(of: $0) }) {
            if place < model.offset { model.offset = place }
            if place >= model.offset + page { model.offset = place - page + 1 }
        }
        model.offset = min(model.offset, max(keys.count - page, 0))
    }

    private func heading(_ model: TopModel, _ count: Int) -> String {
        let what =
            model.opened.map { "\(model.openedService.map { $0 + ", " } ?? "")\($0): \(count) real server\(count == 1 ? "" : "s")" }
            ?? "\(count) virtual server\(count == 1 ? "" : "s")"
        let left = "ipvsctl top  \(what)\(model.isPaused ? "  (paused)" : "")"
        let right = [model.host, model.time].filter { !$0.isEmpty }.joined(separator: "  ")
        let space = width - left.count - right.count
        return style.paint(space >= 2 ? left + String(repeating: " ", count: space) + right : fit(left), .heading)
    }

    private func totals(_ model: TopModel) -> String {
        func sum(_ amount: (TopRow) -> UInt64) -> String { Amount.short(model.rows.reduce(0) { $0 &+ amount($1.row) }) }
        return fit(
            "\(sum(\.active)) active, \(sum(\.inactive)) inactive   \(sum(\.connectionRate)) conn/s   \(sum(\.packetRate)) pkt/s   \(sum(\.incomingByteRate))B/s in   \(sum(\.outgoingByteRate))B/s out"
        )
    }

    private func notice(_ model: TopModel) -> String {
        switch model.prompt {
        case .search: return fit("search: \(model.search)_")
        case .drain(let server): return style.paint(fit("drain \(server)? y for yes"), .doubtful)
        case .none: break
        }
        if !model.message.isEmpty { return style.paint(fit(model.message), .doubtful) }
        if model.isEstimatorOff {
            return style.paint(fit("rates stand still: the kernel's estimator is off (sysctl -w net.ipv4.vs.run_estimation=1)"), .bad)
        }
        if !model.search.isEmpty { return fit("only with \"\(model.search)\" (Esc shows all)") }
        return style.paint(fit(model.notes.first ?? ""), .faint)
    }

    private func columns(_ model: TopModel) -> String {
        func mark(_ title: String, _ sort: TopModel.Sort) -> String { model.sort == sort ? title + (model.isReversed ? "+" : "-") : title }
        let text = line(
            mark(model.opened == nil ? "VIRTUAL SERVER" : "REAL SERVER", .name), model.opened == nil ? "SERVERS" : "WEIGHT",
            mark("ACTIVE", .active), mark("CONN/S", .connections), mark("PKT/S", .packets),
            mark("IN B/S", .bytes), "OUT B/S", "BYTES")
        return style.paint(text, .heading)
    }

    /// One line: the name takes what the numbers leave.
    private func line(_ name: String, _ numbers: String...) -> String {
        let widths = [9, 8, 7, 7, 7, 8]
        let spark = numbers.last ?? ""
        var text = ""
        for (number, width) in zip(numbers.dropLast(), widths) { text += Self.right(number, width) }
        let rest = max(width - text.count - 1 - TopModel.memory, 8)
        return fit(Self.left(name, rest) + text + " " + spark)
    }

    private func sparkline(_ values: [UInt64]) -> String {
        let marks: [Character] = hasBlocks ? Array("▁▂▃▄▅▆▇█") : Array("_.:-=+*#")
        let most = values.max() ?? 0
        guard most > 0 else { return "" }
        return String(values.map { $0 == 0 ? " " : marks[Int(Double($0) / Double(most) * Double(marks.count - 1))] })
    }

    private func help(_ model: TopModel) -> String {
        model.opened == nil
            ? "q quit  ↑↓ choose  ⏎ open  / search  s sort (\(model.sort.rawValue))  r reverse  p pause"
            : "q quit  Esc back  ↑↓ choose  d drain  s sort (\(model.sort.rawValue))  r reverse  p pause"
    }

    private func inverse(_ text: String) -> String {
        let padded = Self.left(text, width)
        return canInvert ? "\u{1b}[7m\(padded)\u{1b}[0m" : padded
    }

    private func fit(_ text: String) -> String {
        let text = hasBlocks ? text : String(text.map { $0.isASCII ? $0 : $0 == "↑" ? "^" : $0 == "↓" ? "v" : $0 == "⏎" ? "<" : "?" })
        return text.count <= width ? text : String(text.prefix(max(width - 1, 0))) + (hasBlocks ? "…" : "~")
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text.count > width ? String(text.prefix(max(width - 1, 0))) + "…" : text + String(repeating: " ", count: width - text.count)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        text.count >= width ? " " + text : String(repeating: " ", count: width - text.count) + text
    }
}
