import KubernetesTesting

/// Many Services with as many slices, whose addresses are numbered through: what benchmarks are made of.
struct Crowd {
    var services: Int
    var endpoints: Int

    func service(_ index: Int) -> TestObject { .service("service-\(index)", address: Self.address(0x0a60_0001, index)) }

    /// In each version but the first the first endpoint is one of its own.
    func slice(_ index: Int, version: Int) -> TestObject {
        var addresses = (0..<endpoints).map { Self.address(0x0b00_0001, index * endpoints + $0) }
        if version > 0 { addresses[0] = Self.address(0x0c00_0001, version) }
        return .slice("service-\(index)-a", of: "service-\(index)", addresses: addresses)
    }

    private static func address(_ first: Int, _ number: Int) -> String {
        let value = first + number
        return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }
}
