/// The two messages of `grpc.health.v1`, as protocol buffers, and the five bytes that stand before each (gRPC over HTTP/2: one for
/// compression, four for the length).
enum GRPCHealthMessage {
    /// `HealthCheckRequest { string service = 1; }`
    static func request(service: String) -> [UInt8] {
        var message: [UInt8] = []
        let name = Array(service.utf8)
        if !name.isEmpty { message = [0x0a] + varint(UInt64(name.count)) + name }
        let count = UInt32(message.count)
        return [0, UInt8(count >> 24), UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)] + message
    }

    /// `HealthCheckResponse.ServingStatus`
    enum Status: UInt64 {
        case unknown = 0
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3
    }

    enum Reading: Equatable {
        case status(Status)
        /// There is more to come.
        case incomplete
        case garbage
    }

    /// Reads one whole response: `HealthCheckResponse { ServingStatus status = 1; }`.
    static func response(_ bytes: [UInt8]) -> Reading {
        guard bytes.count >= 5 else { return .incomplete }
        // We name no compression, so none may be used.
        guard bytes[0] == 0 else { return .garbage }
        let count = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard count <= Bounds.message else { return .garbage }
        guard bytes.count >= 5 + count else { return .incomplete }
        var rest = bytes[5..<5 + count]
        var status: UInt64 = 0
        while !rest.isEmpty {
            guard let key = takeVarint(&rest), key >> 3 != 0 else { return .garbage }
            switch key & 7 {
            case 0:
                guard let value = takeVarint(&rest) else { return .garbage }
                if key >> 3 == 1 { status = value }
            case 1:
                guard rest.count >= 8 else { return .garbage }
                rest = rest.dropFirst(8)
            case 2:
                guard let length = takeVarint(&rest), length <= UInt64(rest.count) else { return .garbage }
                rest = rest.dropFirst(Int(length))
            case 5:
                guard rest.count >= 4 else { return .garbage }
                rest = rest.dropFirst(4)
            default: return .garbage
            }
        }
        return .status(Status(rawValue: status) ?? .unknown)
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var value = value
        var bytes: [UInt8] = []
        while value > 0x7f {
            bytes.append(UInt8(value & 0x7f) | 0x80)
            value >>= 7
        }
        return bytes + [UInt8(value)]
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        // Ten bytes hold 64 bits.
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
