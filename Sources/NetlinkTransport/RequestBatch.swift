import NetlinkCodec

/// The requests of one datagram, whose sequence numbers are consecutive.
///
/// Only the last of them asks for an acknowledgement, which halves what the kernel has to do and leaves one answer to read. A refusal comes
/// for any (`netlink_rcv_skb` in `net/netlink/af_netlink.c`), in order, while the datagram is being sent; and whenever one could not be queued
/// the socket says so before it gives out anything else (`netlink_ack`, `netlink_overrun`). So when the last has its answer and
/// nothing was said, those without one have succeeded.
struct RequestBatch {
    let firstSequence: UInt32
    private(set) var count = 0

    /// Those that could not be written as a message.
    private(set) var unsendable: [UInt32] = []

    /// The last that is sent; nil where none is.
    private(set) var acknowledged: UInt32?

    init(firstSequence: UInt32) { self.firstSequence = firstSequence }

    var nextSequence: UInt32 { firstSequence + UInt32(truncatingIfNeeded: count) }

    mutating func appendSent() {
        acknowledged = nextSequence
        count += 1
    }

    mutating func appendUnsendable() {
        unsendable.append(nextSequence)
        count += 1
    }

    /// The requests that are not known to have succeeded, in order. Those without an answer are said to have failed as `unanswered` says;
    /// with nil, they have succeeded.
    func failures(_ answers: BatchRefusals, unanswered: NetlinkError.Cause?) -> [(sequence: UInt32, cause: NetlinkError.Cause)] {
        if unanswered == nil, answers.refusals.isEmpty, unsendable.isEmpty { return [] }
        var failures: [(sequence: UInt32, cause: NetlinkError.Cause)] = []
        for sequence in firstSequence..<nextSequence {
            if unsendable.contains(sequence) {
                failures.append((sequence, .requestTooLong))
            } else if let refusal = answers.refusals[sequence] {
                failures.append((sequence, .refused(refusal)))
            } else if let unanswered, !(sequence == acknowledged && answers.areComplete) {
                failures.append((sequence, unanswered))
            }
        }
        return failures
    }
}

/// What the kernel refused of one datagram, up to the answer of the last request; then every refusal is here, since they come in order.
struct BatchRefusals: DatagramAnswers {
    private let sequences: Range<UInt32>
    private let last: UInt32?
    private(set) var refusals: [UInt32: NetlinkAcknowledgement] = [:]
    private(set) var areComplete = false
    private(set) var malformed: NetlinkDecodingError?

    init(to batch: RequestBatch) {
        sequences = batch.firstSequence..<batch.nextSequence
        last = batch.acknowledged
    }

    mutating func take(_ datagram: NetlinkDatagram) -> Bool {
        var hasTaken = false
        do throws(NetlinkDecodingError) {
            try datagram.bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                guard header.type == NetlinkControl.error, sequences.contains(header.sequence) else { return }
                let answer = try NetlinkAcknowledgement(error: payload, flags: header.flags)
                if answer.errno != 0, refusals[header.sequence] == nil { refusals[header.sequence] = answer }
                if header.sequence == last { areComplete = true }
                hasTaken = true
            }
        } catch {
            malformed = error
        }
        return hasTaken
    }
}
