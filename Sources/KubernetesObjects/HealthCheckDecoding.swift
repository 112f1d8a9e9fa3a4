import Addresses
import HealthModel

/// Decodes the `check` of a HealthPolicy.
enum HealthCheckDecoding {
    private enum CheckType: String, CaseIterable {
        case tcp, http, https, grpc, udp, dns, icmp, command

        /// The fields that a check of this type has beside `type` and `port`.
        var fields: Set<String> {
            switch self {
            case .tcp: ["throughForwarding"]
            case .http: ["throughForwarding", "method", "path", "host", "headers", "statuses", "body"]
            case .https: CheckType.http.fields.union(["tls"])
            case .grpc: ["throughForwarding", "service", "tls"]
            case .udp: ["throughForwarding", "payload", "payloadHex", "reply", "replyHex"]
            case .dns: ["throughForwarding", "name", "recordType"]
            case .icmp: []
            case .command: ["command"]
            }
        }
    }

    static func decode(_ reader: FieldReader) -> HealthCheck? {
        guard let fields = reader.fields() else { return nil }
        guard let type = fields["type"].word(CheckType.self) else {
            if !fields["type"].isPresent {
                fields["type"].error("missing: one of \(CheckType.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return nil
        }
        // ICMP has no ports.
        let common: Set<String> = type == .icmp ? ["type"] : ["type", "port"]
        fields.refuseOthers(than: type.fields.union(common), in: "a check of type \(type.rawValue)")
        guard let kind = kind(type, fields) else { return nil }
        var check = HealthCheck(kind, port: type == .icmp ? nil : fields["port"].port())
        if type.fields.contains("throughForwarding") { check.path = path(fields["throughForwarding"]) }
        return check
    }

    /// `true`, `false`, or the word `only`.
    private static func path(_ reader: FieldReader) -> HealthCheck.Path {
        if reader.meaning == .string { return reader.word(PathWord.self) == nil ? .direct : .forwarded }
        return reader.boolean() == true ? .forwardedAndDirect : .direct
    }

    private enum PathWord: String, CaseIterable { case only }

    private static func kind(_ type: CheckType, _ fields: Fields) -> HealthCheck.Kind? {
        switch type {
        case .tcp: .tcp
        case .http: .http(http(fields, tls: nil))
        case .https: .http(http(fields, tls: tls(fields["tls"]) ?? HealthCheck.TLSCheck()))
        case .grpc: .grpc(service: text(fields["service"], upTo: 1000) ?? "", tls: tls(fields["tls"]))
        case .udp: .udp(payload: bytes(fields, "payload") ?? [], reply: bytes(fields, "reply"))
        case .dns: dns(fields)
        case .icmp: .icmp
        case .command: command(fields["command"]).map { .command($0) }
        }
    }

    private static func http(_ fields: Fields, tls: HealthCheck.TLSCheck?) -> HealthCheck.HTTPCheck {
        var check = HealthCheck.HTTPCheck()
        check.tls = tls
        if let method = fields["method"].string() {
            if isToken(method), method.utf8.count <= 20 {
                check.method = method
            } else {
                fields["method"].error("is not a method such as GET or HEAD")
            }
        }
        if let path = fields["path"].string() {
            if path.hasPrefix("/"), isVisible(path), path.utf8.count <= 4096 {
                check.path = path
            } else {
                fields["path"].error("is not a path: / first, no blanks, other signs as %XX, at most 4096 bytes")
            }
        }
        if let host = fields["host"].string() {
            if isVisible(host), !host.isEmpty, host.utf8.count <= 300 {
                check.host = host
            } else {
                fields["host"].error("is not a host name")
            }
        }
        check.headers = headers(fields["headers"])
        if fields["statuses"].isPresent { check.statuses = fields["statuses"].items().compactMap { statuses($0) } }
        if fields["statuses"].isPresent, check.statuses.isEmpty { fields["statuses"].error("no status would be good") }
        check.body = text(fields["body"], upTo: 4096)
        return check
    }

    private static func headers(_ reader: FieldReader) -> [HealthCheck.HTTPCheck.Header] {
        let items = reader.items()
        if items.count > 50 { reader.error("more than 50 headers") }
        return items.prefix(50).compactMap { item in
            guard let fields = item.fields() else {
                if !item.isPresent { item.error("an empty entry") }
                return nil
            }
            fields.refuseOthers(than: ["name", "value"], in: "a header")
            guard let name = fields["name"].string() else {
                if !fields["name"].isPresent { fields["name"].error("missing") }
                return nil
            }
            let value = fields["value"].string() ?? ""
            guard isToken(name), name.utf8.count <= 100 else {
                fields["name"].error("\"\(item.shown(name))\" is not the name of a header")
                return nil
            }
            // RFC 9110: visible signs, blanks and tabs; no end of line may come in that way.
            guard value.utf8.count <= 8000, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
                fields["value"].error("is not the value of a header: no control characters, at most 8000 bytes")
                return nil
            }
            return HealthCheck.HTTPCheck.Header(name, value)
        }
    }

    /// `204`, or `200-299`.
    private static func statuses(_ reader: FieldReader) -> ClosedRange<Int>? {
        if case .integer = reader.meaning {
            return reader.integer(in: 100...599, "HTTP status").map { Int($0)...Int($0) }
        }
        guard let text = reader.string() else {
            if !reader.isPresent { reader.error("an empty entry") }
            return nil
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, 100 <= first, last <= 599 else {
            reader.error("\"\(reader.shown(text))\" is not a range of HTTP statuses such as 200-299")
            return nil
        }
        return first...last
    }

    private static func tls(_ reader: FieldReader) -> HealthCheck.TLSCheck? {
        guard let fields = reader.fields() else { return nil }
        fields.refuseOthers(than: ["serverName", "ca", "caFile", "verify"], in: "tls")
        var check = HealthCheck.TLSCheck()
        if let name = fields["serverName"].name(.subdomain) {
            if IPAddress(name) == nil {
                check.serverName = name
            } else {
                fields["serverName"].error("is an address; leave it out, and the backend's address is verified")
            }
        }
        if let text = text(fields["ca"], upTo: 1 << 20) {
            if text.contains("-----BEGIN CERTIFICATE-----") {
                check.certificateAuthority = text
            } else {
                fields["ca"].error("is no certificate in PEM; a file is named by caFile")
            }
        }
        if let path = fields["caFile"].string() {
            if path.hasPrefix("/"), path.utf8.count < 4096, !path.utf8.contains(0) {
                check.certificateAuthorityFile = path
            } else {
                fields["caFile"].error("is not an absolute path")
            }
        }
        check.isVerified = fields["verify"].boolean() ?? true
        return check
    }

    /// A text under a name, or bytes in hexadecimal under that name with `Hex`.
    private static func bytes(_ fields: Fields, _ name: String) -> [UInt8]? {
        let (plain, coded) = (fields[name], fields["\(name)Hex"])
        if plain.isPresent, coded.isPresent { coded.error("either \(name) or \(name)Hex, not both") }
        if let text = plain.string() {
            if text.utf8.count > 1400 { plain.error("is longer than 1400 bytes") }
            return Array(text.utf8)
        }
        guard let text = coded.string() else { return nil }
        let digits = text.filter { !$0.isWhitespace }.map(\.hexDigitValue)
        guard digits.count % 2 == 0, digits.count <= 2800, digits.allSatisfy({ $0 != nil }) else {
            coded.error("is not an even number of hexadecimal digits, at most 2800")
            return nil
        }
        let values = digits.compactMap { $0 }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }

    private static func dns(_ fields: Fields) -> HealthCheck.Kind? {
        guard let name = fields["name"].string() else {
            if !fields["name"].isPresent { fields["name"].error("missing: the name that is asked for") }
            return nil
        }
        let labels = (name.hasSuffix(".") ? name.dropLast() : name[...]).split(separator: ".", omittingEmptySubsequences: false)
        let isName = name == "." || labels.allSatisfy { (1...63).contains($0.utf8.count) && isVisible(String($0)) }
        guard isName, name.utf8.count <= 254 else {
            fields["name"].error("\"\(fields["name"].shown(name))\" is not a DNS name; other alphabets as xn--…")
            return nil
        }
        var type = HealthCheck.DNSRecordType.a
        if let word = fields["recordType"].string() {
            guard let known = HealthCheck.DNSRecordType.allCases.first(where: { "\($0)".uppercased() == word.uppercased() }) else {
                let all = HealthCheck.DNSRecordType.allCases.map { "\($0)".uppercased() }.joined(separator: ", ")
                fields["recordType"].error("\"\(fields["recordType"].shown(word))\" is none of \(all)")
                return nil
            }
            type = known
        }
        return .dns(name: name, type: type)
    }

    private static func command(_ reader: FieldReader) -> [String]? {
        guard reader.isPresent else {
            reader.error("missing: a program's path and its arguments, as a list")
            return nil
        }
        let words = reader.strings().map(\.text)
        guard let program = words.first, program.hasPrefix("/") else {
            reader.error("begins with the program's absolute path; there is no shell")
            return nil
        }
        guard words.count <= 1000, words.allSatisfy({ $0.utf8.count <= 1 << 16 && !$0.utf8.contains(0) }) else {
            reader.error("has too many or too long arguments")
            return nil
        }
        return words
    }

    /// A text that is not empty.
    private static func text(_ reader: FieldReader, upTo bytes: Int) -> String? {
        guard let text = reader.string() else { return nil }
        guard (1...bytes).contains(text.utf8.count) else {
            reader.error(text.isEmpty ? "is empty" : "is longer than \(bytes) bytes")
            return nil
        }
        return text
    }

    /// RFC 9110's `token`.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    /// Signs of ASCII without blanks.
    private static func isVisible(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7e).contains($0) } }
}
