internal import HealthModel

/// As much of DNS as a question and the judgement of its answer take (RFC 1035). Pure; any bytes may come.
enum DNSMessage {
    /// A query with recursion desired; nil where the name is none.
    static func query(_ name: String, _ type: HealthCheck.DNSRecordType, id: UInt16) -> [UInt8]? {
        guard let name = encode(name) else { return nil }
        // id, flags (RD), one question, no records.
        return [UInt8(id >> 8), UInt8(id & 0xff), 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0] + name
            + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xff), 0, 1]
    }

    /// A name as labels: at most 63 bytes each, 255 together.
    static func encode(_ name: String) -> [UInt8]? {
        var result: [UInt8] = []
        let trimmed = name.hasSuffix(".") ? name.dropLast() : name[...]
        if !trimmed.isEmpty {
            for label in trimmed.split(separator: ".", omittingEmptySubsequences: false) {
                guard (1...63).contains(label.utf8.count) else { return nil }
                result.append(UInt8(label.utf8.count))
                result += label.utf8
            }
        } else if name.isEmpty {
            return nil
        }
        result.append(0)
        return result.count <= 255 ? result : nil
    }

    /// What a datagram says to a query of ours; nil where it is not an answer to it.
    static func judge(_ bytes: [UInt8], query: [UInt8]) -> CheckOutcome? {
        // The answer repeats the question; names there are compared without regard to case (RFC 4343).
        guard bytes.count >= 12, query.count >= 12, bytes[0...1] == query[0...1], bytes[2] & 0x80 != 0 else { return nil }
        let questions = number(bytes, 4)
        let answers = number(bytes, 6)
        let code = bytes[3] & 0x0f
        // An error may come back without the question (`FORMERR`).
        guard questions == 1 || code != 0 && questions == 0 else { return nil }
        var place = 12
        if questions == 1 {
            let question = query[12...]
            guard bytes.count >= query.count,
                zip(bytes[12..<query.count], question).allSatisfy({ lowercased($0) == lowercased($1) })
            else { return nil }
            place = query.count
        }
        guard code == 0 else { return .bad(codes[code] ?? "DNS error \(code)") }
        // A truncated answer is one: it says that the rest has to be fetched over TCP.
        if bytes[2] & 0x02 != 0 { return .good }
        let wanted = number(query, query.count - 4)
        for _ in 0..<answers {
            guard let record = skipName(bytes, at: place), record + 10 <= bytes.count else { return .bad("the answer is cut off") }
            let type = number(bytes, record)
            place = record + 10 + number(bytes, record + 8)
            guard place <= bytes.count else { return .bad("the answer is cut off") }
            if type == wanted { return .good }
        }
        return .bad("the answer has no record of that type")
    }

    /// The place after a name; pointers are not followed, since a name ends with one.
    private static func skipName(_ bytes: [UInt8], at start: Int) -> Int? {
        var place = start
        while place < bytes.count {
            switch bytes[place] {
            case 0: return place + 1
            case 0xc0...: return place + 2
            case 1...63: place += 1 + Int(bytes[place])
            default: return nil
            }
        }
        return nil
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> Int { Int(bytes[place]) << 8 | Int(bytes[place + 1]) }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }

    private static let codes: [UInt8: String] = [1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"]
}
