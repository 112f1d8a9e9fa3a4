import Addresses
package import IPVSModel
import NearNames
import NodeModel

/// A line of `ipvsadm`'s format that cannot be taken.
package struct IPVSAdmProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package var line: Int
    /// The option that it is about, where there is one.
    package var option: String?
    package var message: String

    package var description: String { "\(line)" + (option.map { ", \($0)" } ?? "") + ": \(message)" }
}

extension IPVSAdmText {
    /// Reads what `ipvsadm -Sn` wrote, or a person in its words: `-A`, `-a`, their long names, comments and empty lines. Either every line is good, or
    /// all that is wrong is told.
    package static func read(_ text: String) -> (list: VirtualServerList, problems: [IPVSAdmProblem]) {
        var list = VirtualServerList()
        var problems: [IPVSAdmProblem] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            do throws(IPVSAdmProblem) {
                var reading = LineReading(line: index + 1, words: words)
                try reading.take(into: &list)
            } catch {
                problems.append(error)
            }
        }
        return (list, problems)
    }
}

/// Reads one line, word by word.
private struct LineReading {
    let line: Int
    var words: ArraySlice<String>
    private var option = ""

    init(line: Int, words: [String]) {
        self.line = line
        self.words = words[...]
    }

    private func problem(_ message: String) -> IPVSAdmProblem {
        IPVSAdmProblem(line: line, option: option.isEmpty ? nil : option, message: message)
    }

    mutating func take(into list: inout VirtualServerList) throws(IPVSAdmProblem) {
        let verb = words.removeFirst()
        switch verb {
        case "-A", "--add-service": try takeServer(into: &list)
        case "-a", "--add-server": try takeRealServer(into: &list)
        default:
            throw problem(
                "\"\(verb)\" where -A or -a is wanted" + NearNames.suggestion(for: verb, among: ["--add-service", "--add-server"]))
        }
    }

    private mutating func takeServer(into list: inout VirtualServerList) throws(IPVSAdmProblem) {
        var service = ServiceWords()
        // What `ipvsadm` takes where nothing is said.
        var configuration = VirtualServer.Configuration(scheduler: .weightedLeastConnection)
        var (timeout, mask): (UInt32?, String?) = (nil, nil)
        while try next() {
            if try takeService(&service) { continue }
            switch option {
            case "-s", "--scheduler":
                guard let scheduler = Scheduler(rawValue: try value()) else { throw problem("not a scheduler's name") }
                configuration.scheduler = scheduler
            case "-p", "--persistent":
                // Without a number it is `ipvsadm`'s six minutes.
                timeout = words.first.map { !$0.hasPrefix("-") } == true ? UInt32(try number(1...2_147_483)) : 360
            case "-M", "--netmask": mask = try value()
            case "--pe": configuration.persistenceEngine = try value()
            case "-o", "--ops": configuration.onePacket = true
            case "-b", "--sched-flags":
                guard let flags = SchedulerFlags(names: try value()) else {
                    throw problem("none of sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3")
                }
                configuration.schedulerFlags = flags
            default: throw unknown(["--scheduler", "--persistent", "--netmask", "--pe", "--ops", "--sched-flags"])
            }
        }
        option = ""
        let key = try service.key(problem)
        if let timeout {
            configuration.persistence = .init(timeout: timeout, granularity: try granularity(mask, key.family))
        } else if mask != nil || configuration.persistenceEngine != nil {
            throw problem("a netmask or an engine without -p")
        }
        guard list.servers[key] == nil else { throw problem("\(key) was added before") }
        list.servers[key] = VirtualServerState(configuration)
    }

    private func granularity(_ mask: String?, _ family: AddressFamily) throws(IPVSAdmProblem) -> VirtualServer.Granularity {
        guard let mask else { return .wholeAddress(family) }
        if family == .ipv4, let address = IPAddress(mask), address.family == .ipv4 {
            return .mask(address.bytes.reduce(0) { $0 << 8 | UInt32($1) })
        }
        if family == .ipv6, let length = Int(mask), let prefix = VirtualServer.Granularity.prefix(length, .ipv6) { return prefix }
        throw problem("\"\(mask.prefix(60))\" is not a netmask of \(family)")
    }

    private mutating func takeRealServer(into list: inout VirtualServerList) throws(IPVSAdmProblem) {
        var service = ServiceWords()
        var real: RealServer.Key?
        // `ipvsadm` routes directly where nothing is said.
        var configuration = RealServer.Configuration(forwarding: .direct)
        var (isTunnel, type, port, checksum): (Bool, String, UInt16?, Tunnel.Checksum) = (false, "ipip", nil, .none)
        while try next() {
            if try takeService(&service) { continue }
            switch option {
            case "-r", "--real-server": real = try socket(defaultPort: nil)
            case "-m", "--masquerading": configuration.forwarding = .masquerade
            case "-g", "--gatewaying": configuration.forwarding = .direct
            case "-i", "--ipip": isTunnel = true
            case "-w", "--weight": configuration.weight = Int32(try number(0...Int64(Int32.max)))
            case "-x", "--u-threshold": configuration.upperThreshold = UInt32(try number(0...Int64(UInt32.max)))
            case "-y", "--l-threshold": configuration.lowerThreshold = UInt32(try number(0...Int64(UInt32.max)))
            case "--tun-type": type = try value()
            case "--tun-port": port = UInt16(try number(1...65535))
            case "--tun-nocsum": checksum = .none
            case "--tun-csum": checksum = .full
            case "--tun-remcsum": checksum = .remote
            default:
                throw unknown([
                    "--real-server", "--masquerading", "--gatewaying", "--ipip", "--weight", "--u-threshold", "--l-threshold", "--tun-type",
                    "--tun-port",
                ])
            }
        }
        option = ""
        let key = try service.key(problem)
        guard let real else { throw problem("missing: -r and a real server") }
        if isTunnel { configuration.forwarding = .tunnel(try tunnel(type, port, checksum)) }
        guard configuration.lowerThreshold <= configuration.upperThreshold else {
            throw problem("the lower threshold is above the upper one")
        }
        guard list.servers[key] != nil else { throw problem("\(key) was not added before") }
        guard list.servers[key]?.realServers[real] == nil else { throw problem("\(real) of \(key) was added before") }
        list.servers[key]?.realServers[real] = configuration
    }

    private func tunnel(_ type: String, _ port: UInt16?, _ checksum: Tunnel.Checksum) throws(IPVSAdmProblem) -> Tunnel {
        switch (type, port) {
        case ("ipip", nil): return Tunnel(.ipip, checksum: checksum)
        case ("gre", nil): return Tunnel(.gre, checksum: checksum)
        case ("gue", let port?): return Tunnel(.gue(port: port), checksum: checksum)
        case ("gue", nil): throw problem("--tun-type gue needs --tun-port")
        case ("ipip", _), ("gre", _): throw problem("--tun-port is for --tun-type gue")
        default: throw problem("--tun-type is ipip, gue or gre")
        }
    }

    // MARK: Words

    /// Goes to the next option; false at the end of the line. `--weight=3` is `--weight 3`.
    private mutating func next() throws(IPVSAdmProblem) -> Bool {
        option = ""
        guard let word = words.popFirst() else { return false }
        guard word.hasPrefix("-"), word.count > 1 else { throw problem("\"\(word.prefix(60))\" where an option is wanted") }
        if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
            option = String(word[..<equals])
            words = [String(word[word.index(after: equals)...])] + words
        } else {
            option = word
        }
        return true
    }

    private mutating func value() throws(IPVSAdmProblem) -> String {
        guard let word = words.popFirst() else { throw problem("its value is missing") }
        return word
    }

    private mutating func number(_ range: ClosedRange<Int64>) throws(IPVSAdmProblem) -> Int64 {
        let text = try value()
        guard let number = Int64(text), range.contains(number) else {
            throw problem("\"\(text.prefix(60))\" is not a number (\(range.lowerBound)…\(range.upperBound))")
        }
        return number
    }

    private mutating func socket(defaultPort: UInt16?) throws(IPVSAdmProblem) -> RealServer.Key {
        let text = try value()
        guard let key = RealServer.Key(text, defaultPort: defaultPort ?? 0) else {
            throw problem(
                "\"\(text.prefix(60))\" is not an address and port such as 10.0.0.1:80 (save with ipvsadm -Sn, which writes no names)")
        }
        return key
    }

    private mutating func takeService(_ service: inout ServiceWords) throws(IPVSAdmProblem) -> Bool {
        switch option {
        case "-t", "--tcp-service": service.identity = .address(try socket(defaultPort: 0), .tcp)
        case "-u", "--udp-service": service.identity = .address(try socket(defaultPort: 0), .udp)
        case "--sctp-service": service.identity = .address(try socket(defaultPort: 0), .sctp)
        case "-f", "--fwmark-service": service.identity = .mark(UInt32(try number(1...Int64(UInt32.max))))
        case "-6", "--ipv6": service.isIPv6 = true
        default: return false
        }
        return true
    }

    private func unknown(_ others: [String]) -> IPVSAdmProblem {
        problem(
            "unknown option" + NearNames.suggestion(for: option, among: others + ["--tcp-service", "--udp-service", "--fwmark-service"]))
    }
}

/// Which virtual server a line is about.
private struct ServiceWords {
    enum Identity {
        case address(RealServer.Key, TransportProtocol)
        case mark(UInt32)
    }

    var identity: Identity?
    var isIPv6 = false

    func key(_ problem: (String) -> IPVSAdmProblem) throws(IPVSAdmProblem) -> VirtualServer.Key {
        switch identity {
        case nil: throw problem("missing: -t, -u, --sctp-service or -f")
        case .address(let socket, let transport): .address(socket.address, port: socket.port, transport)
        case .mark(let mark): .firewallMark(mark, isIPv6 ? .ipv6 : .ipv4)
        }
    }
}

extension RealServer.Key {
    /// Reads `10.0.0.1:80` or `[fd00::1]:80`, and an address alone where a default port is given.
    package init?(_ text: String, defaultPort: UInt16? = nil) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]"), let address = IPAddress(text[text.index(after: text.startIndex)..<end]),
                address.family == .ipv6
            else { return nil }
            let rest = text[text.index(after: end)...]
            if rest.isEmpty, let defaultPort {
                self.init(address, port: defaultPort)
            } else {
                guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()) else { return nil }
                self.init(address, port: port)
            }
            return
        }
        if let address = IPAddress(text), let defaultPort {
            self.init(address, port: defaultPort)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let address = IPAddress(text[..<colon]), address.family == .ipv4,
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        self.init(address, port: port)
    }
}
