import Addresses
import IPVSModel
import KubernetesObjects
import NearNames
import NodeModel
import VirtualServerDocuments

/// Decodes a VirtualServerList. A name that is not known is an error: what is misspelt would otherwise be lost without a word.
struct VirtualServerListDecoding {
    let reader: FieldReader

    init(_ reader: FieldReader) { self.reader = reader }

    func decode(into list: inout VirtualServerList) {
        guard let fields = reader.fields() else { return }
        let version = fields["apiVersion"]
        let kind = fields["kind"]
        guard let name = kind.string() else {
            if !kind.isPresent { kind.error("missing: \(VirtualServerList.kind)") }
            return
        }
        guard name == VirtualServerList.kind else {
            return kind.error("\"\(kind.shown(name))\" where \(VirtualServerList.kind) is wanted")
        }
        guard let text = version.string() else {
            if !version.isPresent { version.error("missing: \(VirtualServerList.apiVersion)") }
            return
        }
        guard text == VirtualServerList.apiVersion else {
            return version.error("\"\(version.shown(text))\" where \(VirtualServerList.apiVersion) is wanted")
        }
        fields.refuseOthers(than: ["apiVersion", "kind", "metadata", "items"])
        guard fields["items"].isPresent else { return fields["items"].error("missing: the virtual servers") }
        for item in fields["items"].items() { decode(item: item, into: &list) }
    }

    private func decode(item: FieldReader, into list: inout VirtualServerList) {
        guard let fields = item.fields() else {
            if !item.isPresent { item.error("an empty item") }
            return
        }
        fields.refuseOthers(than: ["apiVersion", "kind", "metadata", "spec"])
        let reader = fields["spec"]
        guard let spec = reader.fields() else {
            if !reader.isPresent { reader.error("missing: what the virtual server is to be") }
            return
        }
        guard let (key, state) = VirtualServerDecoding(spec, at: reader).decode() else { return }
        guard list.servers[key] == nil else { return reader.error("\(key) stands in the file twice") }
        list.servers[key] = state
    }
}

/// Decodes one virtual server. Returns nil where anything is wrong, and the report says what.
struct VirtualServerDecoding {
    private let fields: Fields
    private let reader: FieldReader
    private let use: Use

    init(_ fields: Fields, at reader: FieldReader, use: Use = .table) {
        self.fields = fields
        self.reader = reader
        self.use = use
    }

    func decode() -> (VirtualServer.Key, VirtualServerState)? {
        let agents = VirtualServerObjectDecoding.agentFields
        fields.refuseOthers(
            than: [
                "address", "port", "protocol", "firewallMark", "family", "scheduler", "schedulerFlags", "persistence",
                "persistenceEngine", "onePacket", "realServers",
            ] + agents)
        if use == .table {
            for name in agents where fields[name].isPresent {
                fields[name].error("is for the agent: a table of the kernel has no such thing")
            }
        }
        guard let key = key() else { return nil }
        if use == .agent { refuseWhatCannotBeServed(key, fields) }
        guard let scheduler = scheduler() else { return nil }
        var configuration = VirtualServer.Configuration(scheduler: scheduler, schedulerFlags: flags())
        configuration.persistence = persistence(key.family)
        configuration.persistenceEngine = engine()
        configuration.onePacket = fields["onePacket"].boolean() ?? false
        if configuration.persistenceEngine != nil, configuration.persistence == nil {
            fields["persistenceEngine"].error("an engine without persistence")
        }
        if case .address(_, let port, let transport) = key {
            if port == 0, configuration.persistence == nil { fields["port"].error("port 0 takes every port, and needs persistence") }
            if configuration.onePacket, transport != .udp { fields["onePacket"].error("one-packet scheduling is for udp") }
        }
        var state = VirtualServerState(configuration)
        for item in fields["realServers"].items() {
            guard let server = RealServerDecoding(item, of: key, use: use).decode() else { continue }
            guard state.realServers[server.key] == nil else {
                item.error("\(server.key) stands among the real servers twice")
                continue
            }
            state.realServers[server.key] = server.configuration
        }
        return (key, state)
    }

    private func key() -> VirtualServer.Key? {
        let (address, mark) = (fields["address"], fields["firewallMark"])
        guard address.isPresent != mark.isPresent else {
            reader.error("a virtual server has either address, port and protocol, or firewallMark and family")
            return nil
        }
        if mark.isPresent {
            for name in ["port", "protocol"] where fields[name].isPresent { fields[name].error("a firewall mark has none") }
            guard let number = mark.integer(in: 1...Int64(UInt32.max), "firewall mark") else { return nil }
            guard fields["family"].isPresent else { return .firewallMark(UInt32(number), .ipv4) }
            guard let family = fields["family"].word(FamilyWord.self) else { return nil }
            return .firewallMark(UInt32(number), family == .ipv6 ? .ipv6 : .ipv4)
        }
        guard let text = address.string() else { return nil }
        guard let value = IPAddress(text) else {
            address.error("\"\(address.shown(text))\" is not an IP address")
            return nil
        }
        let (port, transport) = (fields["port"], fields["protocol"])
        for reader in [port, transport] where !reader.isPresent { reader.error("missing") }
        guard let number = port.integer(in: 0...65535, "port number"), let name = transport.word(ProtocolWord.self) else { return nil }
        if let family = fields["family"].word(FamilyWord.self), (family == .ipv6) != (value.family == .ipv6) {
            fields["family"].error("\(value) is of \(value.family)")
        }
        return .address(value, port: UInt16(number), name.transport)
    }

    private func scheduler() -> Scheduler? {
        let reader = fields["scheduler"]
        guard let text = reader.string() else {
            if !reader.isPresent { reader.error("missing: the scheduler, such as rr") }
            return nil
        }
        guard let scheduler = Scheduler(rawValue: text) else {
            reader.error("\"\(reader.shown(text))\" cannot be a scheduler's name")
            return nil
        }
        if use == .agent, let suggestion = Self.misspelt(scheduler) {
            reader.error("\"\(text)\" is no scheduler of Linux\(suggestion)")
            return nil
        }
        return scheduler
    }

    private func flags() -> SchedulerFlags {
        var flags: SchedulerFlags = []
        for (text, reader) in fields["schedulerFlags"].strings() {
            if let flag = SchedulerFlags(names: text) {
                flags.formUnion(flag)
            } else {
                reader.error("\"\(reader.shown(text))\" is none of fallback, port, flag-3")
            }
        }
        return flags
    }

    private func engine() -> String? {
        let reader = fields["persistenceEngine"]
        guard let text = reader.string() else { return nil }
        // `IP_VS_PENAME_MAXLEN` of linux/ip_vs.h counts the terminating zero.
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            reader.error("\"\(reader.shown(text))\" cannot be a persistence engine's name")
            return nil
        }
        return text
    }

    private func persistence(_ family: AddressFamily) -> VirtualServer.Persistence? {
        guard let fields = fields["persistence"].fields() else { return nil }
        fields.refuseOthers(than: ["timeout", "prefixLength", "mask"])
        let timeout = fields["timeout"]
        if !timeout.isPresent { timeout.error("missing: seconds") }
        guard let seconds = timeout.integer(in: 1...2_147_483, "number of seconds") else { return nil }
        let (length, mask) = (fields["prefixLength"], fields["mask"])
        if length.isPresent, mask.isPresent { mask.error("either mask or prefixLength") }
        var granularity = VirtualServer.Granularity.wholeAddress(family)
        let least: Int64 = family == .ipv4 ? 0 : 1
        if let bits = length.integer(in: least...Int64(family.bitWidth), "prefix length"),
            let prefix = VirtualServer.Granularity.prefix(Int(bits), family)
        {
            granularity = prefix
        }
        if let text = mask.string() {
            guard family == .ipv4, let address = IPAddress(text), address.family == .ipv4 else {
                mask.error("\"\(mask.shown(text))\" is not a mask of \(family)")
                return nil
            }
            granularity = .mask(address.bytes.reduce(0) { $0 << 8 | UInt32($1) })
        }
        return VirtualServer.Persistence(timeout: UInt32(seconds), granularity: granularity)
    }

    private enum FamilyWord: String, CaseIterable {
        case ipv4 = "IPv4"
        case ipv6 = "IPv6"
    }

    private enum ProtocolWord: String, CaseIterable {
        case tcp
        case udp
        case sctp

        var transport: TransportProtocol {
            switch self {
            case .tcp: .tcp
            case .udp: .udp
            case .sctp: .sctp
            }
        }
    }
}

extension Fields {
    /// Reports fields of other names, with the name that may have been meant.
    func refuseOthers(than names: [String]) {
        for (name, value) in all where !names.contains(name) {
            value.error("unknown field" + NearNames.suggestion(for: name, among: names))
        }
    }
}
