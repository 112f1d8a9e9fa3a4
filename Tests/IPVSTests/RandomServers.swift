import IPVS
import NetlinkTesting
import TestSupport

/// Virtual and real servers drawn at random from everything the kernel takes.
extension SeededGenerator {
    mutating func address(_ family: AddressFamily) -> IPAddress {
        switch family {
        case .ipv4: IPAddress(ipv4: UInt32.random(in: .min ... .max, using: &self))
        case .ipv6: IPAddress(ipv6High: UInt64.random(in: .min ... .max, using: &self), low: UInt64.random(in: .min ... .max, using: &self))
        }
    }

    mutating func family() -> AddressFamily { Bool.random(using: &self) ? .ipv4 : .ipv6 }

    mutating func port() -> UInt16 { UInt16.random(in: .min ... .max, using: &self) }

    mutating func element<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }

    mutating func virtualServerKey() -> VirtualServer.Key {
        if Int.random(in: 0..<5, using: &self) == 0 {
            return .firewallMark(UInt32.random(in: 1 ... .max, using: &self), family())
        }
        return .address(address(family()), port: port(), element(TransportProtocol.allCases))
    }

    mutating func virtualServer() -> VirtualServer {
        let key = virtualServerKey()
        var persistence: VirtualServer.Persistence?
        if Bool.random(using: &self) {
            let granularity: VirtualServer.Granularity =
                key.family == .ipv4
                ? .mask(UInt32.random(in: .min ... .max, using: &self)) : .prefixLength(UInt8.random(in: 1...128, using: &self))
            persistence = .init(timeout: UInt32.random(in: 1...2_147_483, using: &self), granularity: granularity)
        }
        return VirtualServer(
            key,
            .init(
                scheduler: element(Scheduler.wellKnown),
                schedulerFlags: SchedulerFlags(rawValue: UInt32.random(in: 0...63, using: &self)), persistence: persistence,
                persistenceEngine: Bool.random(using: &self) ? "sip" : nil, onePacket: Bool.random(using: &self)))
    }

    mutating func forwarding() -> ForwardingMethod {
        switch Int.random(in: 0..<7, using: &self) {
        case 0: .masquerade
        case 1: .local
        case 2: .direct
        case 3: .bypass
        case 4: .tunnel(Tunnel(.ipip, checksum: checksum()))
        case 5: .tunnel(Tunnel(.gue(port: port()), checksum: checksum()))
        default: .tunnel(Tunnel(.gre, checksum: checksum()))
        }
    }

    private mutating func checksum() -> Tunnel.Checksum { element([.none, .full, .remote]) }

    mutating func realServer() -> RealServer {
        RealServer(
            .init(address(family()), port: port()),
            .init(
                forwarding: forwarding(), weight: Int32.random(in: 0 ... .max, using: &self),
                upperThreshold: UInt32.random(in: .min ... .max, using: &self),
                lowerThreshold: UInt32.random(in: .min ... .max, using: &self)))
    }
}
