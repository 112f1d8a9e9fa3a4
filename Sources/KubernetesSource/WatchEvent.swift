/// One line of a watch: what happened, and the object's JSON.
struct WatchEvent {
    enum Kind: Equatable {
        case added, modified, deleted, bookmark, error
        /// A type of a later version of the API.
        case unknown
    }

    var type: Kind
    var object: LineFramer.Line

    /// Nil where the line is no event.
    init?(_ line: LineFramer.Line) {
        switch line {
        case .whole(let bytes):
            var type: [UInt8]?
            var object: [UInt8]?
            var splitter = JSONSplitter(fields: ["type", "object"], maximum: bytes.count)
            do {
                try splitter.take(bytes) { part in
                    guard case .field(let name, let value) = part else { return }
                    if name == "type" { type = value } else { object = value }
                }
            } catch {
                return nil
            }
            guard splitter.isComplete, let type, let object else { return nil }
            self.type = Self.kind(type)
            self.object = .whole(object)
        case .giant(let beginning):
            // The server writes the type first.
            var type: [UInt8]?
            var splitter = JSONSplitter(fields: ["type"], maximum: 256)
            try? splitter.take(beginning) { part in
                if case .field(_, let value) = part { type = value }
            }
            let marker = Array("\"object\":".utf8)
            guard let type, let place = Self.place(of: marker, in: beginning.prefix(256)) else { return nil }
            self.type = Self.kind(type)
            object = .giant(beginning: Array(beginning[(place + marker.count)...]))
        }
    }

    private static func kind(_ text: [UInt8]) -> Kind {
        switch String(decoding: text, as: UTF8.self) {
        case "\"ADDED\"": .added
        case "\"MODIFIED\"": .modified
        case "\"DELETED\"": .deleted
        case "\"BOOKMARK\"": .bookmark
        case "\"ERROR\"": .error
        default: .unknown
        }
    }

    private static func place(of marker: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= marker.count else { return nil }
        return (bytes.startIndex...bytes.endIndex - marker.count).first { bytes[$0...].starts(with: marker) }
    }
}

extension LineFramer.Line {
    /// All that there is of it.
    var bytes: [UInt8] {
        switch self {
        case .whole(let bytes): bytes
        case .giant(let beginning): beginning
        }
    }
}
