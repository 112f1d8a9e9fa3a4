@testable import HealthChecks

/// Any bytes as what a backend answers: over DNS, in a message of `grpc.health.v1`, as ICMP. The first byte chooses.
enum ProbeInput {
    private static let query = DNSMessage.query("health.example", .a, id: 0x1234) ?? []
    private static let echo = ICMPEcho.request(isIPv6: false, id: 1, sequence: 2, payload: Array(1...16))

    static func tryOne(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch kind % 4 {
        case 0:
            // Our number and the flag of an answer, so that what follows is looked at too.
            let answer = Array(query.prefix(2)) + [0x80] + rest.dropFirst(3)
            if case .good? = DNSMessage.judge(answer, query: query) { precondition(answer.count >= query.count, "good without a question") }
        case 1:
            if case .status = GRPCHealthMessage.response(rest) { precondition(rest.count >= 5, "a message without its length") }
        case 2:
            for isRaw in [true, false] { _ = ICMPEcho.isReply(rest, to: echo, isIPv6: false, isRaw: isRaw) }
        default:
            // A name of a mark, from the environment of any process.
            _ = ProcessTree.isLeftOver(String(decoding: rest, as: UTF8.self))
        }
    }
}
