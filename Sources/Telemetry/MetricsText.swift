package import FoundationEssentials

/// Metrics in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4).
package struct MetricsText {
    package private(set) var data = Data()

    package init() {}

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String {
        case counter, gauge, histogram
    }

    /// Begins a metric: all its series follow.
    package mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        // Backslash and line feed are what a help text has to escape.
        let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        write("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    package mutating func add(_ name: String, _ labels: [(String, String)], _ value: Double) {
        write(name)
        write(labels)
        write(" \(Self.shown(value))\n")
    }

    package mutating func add(_ name: String, _ labels: [(String, String)], _ value: UInt64) {
        write(name)
        write(labels)
        write(" \(value)\n")
    }

    /// A metric that has one series.
    package mutating func one(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        begin(name, kind, help)
        add(name, [], value)
    }

    package mutating func histogram(_ name: String, _ labels: [(String, String)], _ histogram: Histogram) {
        var sum: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            sum += count
            add(name + "_bucket", labels + [("le", Self.shown(bound))], sum)
        }
        add(name + "_bucket", labels + [("le", "+Inf")], histogram.count)
        add(name + "_sum", labels, histogram.sum)
        add(name + "_count", labels, histogram.count)
    }

    /// Hands over what was written so far.
    package mutating func take() -> Data {
        defer { data.removeAll(keepingCapacity: true) }
        return data
    }

    private mutating func write(_ labels: [(String, String)]) {
        guard !labels.isEmpty else { return }
        write("{")
        for (index, (name, value)) in labels.enumerated() {
            write(index == 0 ? "\(name)=\"" : ",\(name)=\"")
            for byte in value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): write("\\\\")
                case UInt8(ascii: "\""): write("\\\"")
                case UInt8(ascii: "\n"): write("\\n")
                default: data.append(byte)
                }
            }
            write("\"")
        }
        write("}")
    }

    private mutating func write(_ text: String) { data.append(contentsOf: text.utf8) }

    /// As Go's client writes it: a whole number without a point.
    private static func shown(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

/// Counts of values by size, as Prometheus' histograms have them.
package struct Histogram: Hashable, Sendable {
    /// The upper bounds of the buckets, rising.
    package let bounds: [Double]
    /// How many values each bucket has, those of smaller buckets not counted.
    package private(set) var counts: [UInt64]
    /// How many there are in all.
    package private(set) var count: UInt64 = 0
    package private(set) var sum = 0.0

    package init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count)
    }

    package mutating func observe(_ value: Double) {
        count += 1
        sum += value
        if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
    }
}
