internal import HealthModel
internal import NIOCore

/// A name is asked for over UDP; an answer without error and with a record of the type is good.
final class DNSChecker: Checker {
    private let query: [UInt8]
    private let target: CheckTarget

    init(name: String, type: HealthCheck.DNSRecordType, _ target: CheckTarget) throws(CheckerProblem) {
        guard let query = DNSMessage.query(name, type, id: 0) else {
            throw CheckerProblem("\"\(FailureMeaning.short(name))\" is no DNS name")
        }
        self.query = query
        self.target = target
    }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        var query = query
        // Another number each time, so that a late answer to the last one is not taken for one to this.
        let id = UInt16.random(in: .min ... .max)
        query[0] = UInt8(id >> 8)
        query[1] = UInt8(id & 0xff)
        let check = DatagramCheck(target, payload: query, report: report) { [query] in DNSMessage.judge($0, query: query) }
        check.awaited = "an answer"
        check.connectDatagrams()
        return check
    }
}
