import ServiceModel

/// Which object it is and in which version, read from the beginning of its JSON without a look at the rest.
///
/// So an object whose contents cannot be read, or that is too large to be, can be named all the same. The API server writes the metadata
/// before anything long.
struct ObjectIdentity: Equatable, Sendable {
    var name = ""
    var namespace = ""
    var uid = ""
    var resourceVersion = ""
    /// A bookmark that ends the initial events of a streaming list.
    var endsInitialEvents = false

    /// Nil where no name was found.
    var objectName: ObjectName? { name.isEmpty ? nil : ObjectName(namespace: namespace, name: name) }

    /// - Parameter bytes: the object, or its beginning.
    init(_ bytes: [UInt8]) {
        var scanner = Scanner(bytes: bytes)
        while let (path, value) = scanner.next() {
            switch path {
            case ["metadata", "name"]: name = value
            case ["metadata", "namespace"]: namespace = value
            case ["metadata", "uid"]: uid = value
            case ["metadata", "resourceVersion"]: resourceVersion = value
            case ["metadata", "annotations", "k8s.io/initial-events-end"]: endsInitialEvents = value == "true"
            default: break
            }
        }
    }

    /// Gives the strings of the metadata with the names that lead to them.
    private struct Scanner {
        let bytes: [UInt8]
        private var index = 0
        /// The names of the fields that are open; empty for the elements of a list.
        private var path: [String] = []
        private var key: String?
        private var isAfterColon = false
        private var isOver = false

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func next() -> ([String], String)? {
            while !isOver, index < bytes.count {
                let byte = bytes[index]
                index += 1
                switch byte {
                case UInt8(ascii: "\""):
                    guard let text = string() else { return nil }
                    if isAfterColon, let key {
                        isAfterColon = false
                        // The object itself is open under an empty name.
                        if path.count == 2 || path.count == 3, path[1] == "metadata" { return (Array(path.dropFirst()) + [key], text) }
                    } else {
                        key = text
                    }
                case UInt8(ascii: ":"): isAfterColon = true
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    // Nothing of the API is as deep.
                    if path.count > 64 { return nil }
                    path.append(isAfterColon ? key ?? "" : "")
                    isAfterColon = false
                    key = nil
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    isAfterColon = false
                    let closed = path.popLast()
                    if path.isEmpty || path.count == 1 && closed == "metadata" { isOver = true }
                case UInt8(ascii: ","):
                    isAfterColon = false
                    key = nil
                default: break
                }
            }
            return nil
        }

        /// The string whose beginning was read; nil where it does not end. Escapes stay as they are: what is looked for has none.
        private mutating func string() -> String? {
            let start = index
            while index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "\\"): index += 2
                case UInt8(ascii: "\""):
                    index += 1
                    return String(decoding: bytes[start..<index - 1], as: UTF8.self)
                default: index += 1
                }
            }
            return nil
        }
    }
}
