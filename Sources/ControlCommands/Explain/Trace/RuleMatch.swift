import IPVS
import NodeModel
import PacketRules

/// What one rule says, in words, and whether a packet meets it.
struct RuleMatch {
    /// The rule's words up to its target.
    private let words: ArraySlice<String>
    /// The target, and what is said to it.
    let target: ArraySlice<String>

    init(_ rule: String) {
        let all = RuleWords.split(rule) ?? []
        // The last, since among the options of the matches a comment can say anything.
        let place = all.lastIndex { $0 == "-j" || $0 == "-g" } ?? all.endIndex
        words = all[..<place]
        target = all[place...].dropFirst()
    }

    /// What the packet is held against.
    struct Surroundings {
        var sets: [SetKey: ObservedSet]
        /// Addresses of this node.
        var isLocal: (IPAddress) -> Bool
    }

    struct Result {
        /// Nil where the rule asks for something that is not known of the packet.
        var isMet: Bool?
        /// Sets that hold the packet.
        var sets: [String]
    }

    func result(for packet: TracedPacket, in surroundings: Surroundings) -> Result {
        var sets: [String] = []
        var index = words.startIndex
        var isNegated = false
        var isKnown = true
        func word(_ offset: Int) -> String { words.indices.contains(index + offset) ? words[index + offset] : "" }
        while index < words.endIndex {
            var answer: Bool?
            var length = 2
            switch words[index] {
            case "!":
                isNegated = true
                index += 1
                continue
            case "-m", "--comment":
                index += 2
                continue
            case "--match-set":
                answer = Self.holds(word(1), word(2), packet, surroundings)
                if answer == true, !isNegated { sets.append(word(1)) }
                length = 3
            case "-s": answer = Self.prefix(word(1))?.contains(packet.source) ?? false
            case "-d": answer = Self.prefix(word(1))?.contains(packet.destination) ?? false
            case "-p": answer = word(1) == packet.transport.description
            case "--dst-type": answer = Self.isOfType(word(1), packet.destination, surroundings)
            case "--src-type": answer = Self.isOfType(word(1), packet.source, surroundings)
            case "--mark": answer = Self.bits(word(1)).map { packet.mark & $0.mask == $0.value }
            // It is the first packet of its connection.
            case "--ctstate": answer = word(1).split(separator: ",").contains("NEW")
            case "-i": answer = packet.isFromHere ? false : packet.arrival.map { Self.isLink($0, word(1)) }
            default: length = 1
            }
            index += length
            guard let isMet = answer else {
                (isKnown, isNegated) = (false, false)
                continue
            }
            if isMet == isNegated { return Result(isMet: false, sets: []) }
            isNegated = false
        }
        return Result(isMet: isKnown ? true : nil, sets: sets)
    }

    /// `0x4000/0x4000`; without the second number all bits count.
    static func bits(_ text: String) -> (value: UInt32, mask: UInt32)? {
        let parts = text.split(separator: "/", maxSplits: 1).map(number)
        guard let first = parts.first, let value = first else { return nil }
        guard parts.count == 2 else { return (value, .max) }
        guard let mask = parts[1] else { return nil }
        return (value, mask)
    }

    private static func number(_ text: Substring) -> UInt32? {
        text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
    }

    private static func isOfType(_ type: String, _ address: IPAddress, _ surroundings: Surroundings) -> Bool? {
        type == "LOCAL" ? surroundings.isLocal(address) : nil
    }

    private static func isLink(_ name: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("+") ? name.hasPrefix(pattern.dropLast()) : name == pattern
    }

    private static func prefix(_ text: String) -> IPPrefix? {
        IPPrefix(text) ?? IPAddress(text).flatMap { IPPrefix($0, length: $0.family.bitWidth) }
    }

    /// Whether a set holds the packet. Nil for a set that is not one of ours, for those are not read.
    private static func holds(_ name: String, _ directions: String, _ packet: TracedPacket, _ surroundings: Surroundings) -> Bool? {
        guard let key = SetKey(name: name) else { return nil }
        guard let set = surroundings.sets[key] else { return false }
        return entry(key, directions, packet, set) != nil
    }

    /// The entry of a set that holds the packet. `src,dst` looks the source's address up with the destination's port.
    static func entry(_ key: SetKey, _ directions: String, _ packet: TracedPacket, _ set: ObservedSet) -> SetEntry? {
        let ways = directions.split(separator: ",").map { $0 == "src" }
        func address(_ place: Int) -> IPAddress { ways.indices.contains(place) && ways[place] ? packet.source : packet.destination }
        func port(_ place: Int) -> UInt16 {
            ways.indices.contains(place) && ways[place] ? packet.sourcePort : packet.destinationPort
        }
        func ifHeld(_ entry: SetEntry) -> SetEntry? { set.entries.contains(entry) ? entry : nil }
        let transport = packet.transport
        switch key.type {
        case .hashAddress: return ifHeld(.address(address(0)))
        case .bitmapPort: return ifHeld(.port(port(0)))
        case .hashAddressPort:
            guard key.set.keepsMarks else { return ifHeld(.addressPort(address(0), port(1), transport)) }
            return set.entries.first { $0.withoutMark == .addressPort(address(0), port(1), transport) }
        case .hashAddressPortAddress: return ifHeld(.addressPortAddress(address(0), port(1), transport, address(2)))
        case .hashAddressPortNet:
            return set.entries.first { entry in
                guard case .addressPortNet(address(0), port(1), transport, let net) = entry else { return false }
                return net.contains(address(2))
            }
        }
    }
}
