import Addresses
import NodeModel

/// What `ipset save` prints (`create NAME TYPE option value …` and `add NAME ENTRY option value …`, one per line), to compare with what is
/// read from the kernel. Lines about sets that are not ours are passed over.
struct SavedText: Equatable, Sendable {
    private(set) var sets: [SetKey: ObservedSet] = [:]

    /// Lines about our sets that say nothing we know: entries of other protocols, options such as `nomatch`.
    private(set) var unreadableLines = 0

    init(_ text: some StringProtocol) {
        for line in text.split(whereSeparator: \.isNewline) { read(line) }
    }

    private mutating func read(_ line: some StringProtocol) {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count >= 3, let key = SetKey(name: String(words[1])) else { return }
        switch words[0] {
        case "create":
            sets[key] = Self.header(type: String(words[2]), options: words[3...])
        case "add":
            // `sets[key]` has the type of the set that is there, which need not be the one we would have made.
            guard let found = sets[key], found.serves(as: key), let entry = Self.entry(words[2...], of: key) else {
                unreadableLines += 1
                return
            }
            sets[key]?.entries.insert(entry)
        default:
            unreadableLines += 1
        }
    }

    /// `10.96.0.10,tcp:80`, or `10.96.0.10,tcp:80 skbmark 0x10000001` (which bits the mark sets is left out where it sets all).
    private static func entry(_ words: ArraySlice<some StringProtocol>, of key: SetKey) -> SetEntry? {
        guard let first = words.first, let entry = SetEntry(first, type: key.type) else { return nil }
        guard key.set.keepsMarks else { return words.count == 1 ? entry : nil }
        let options = words.dropFirst().map { String($0) }
        guard options.count == 2, options[0] == "skbmark", case .addressPort(let address, let port, let transport) = entry,
            let mark = UInt32(options[1].dropFirst(2), radix: 16)
        else { return nil }
        return .addressPortMark(address, port, transport, mark)
    }

    private static func header(type: String, options: ArraySlice<some StringProtocol>) -> ObservedSet {
        var set = ObservedSet(typeName: type, family: .ipv4, maximumEntries: 0)
        var name: String?
        for word in options.map({ String($0) }) {
            switch name {
            case "family": set.family = word == "inet6" ? .ipv6 : .ipv4
            case "maxelem": set.maximumEntries = UInt32(word) ?? 0
            // An option without a value (`counters`, `comment`) shifts nothing: only the word after a known name is read.
            default: break
            }
            if word == "skbinfo" { set.keepsMarks = true }
            name = word
        }
        return set
    }
}
