package import NetlinkCodec

/// A netlink exchange that failed: what was being done, and why it did not succeed.
package struct NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was being done: "add address 10.0.0.1".
    package var operation: String
    package var cause: Cause

    /// The sequence number of the request, where there was one.
    package var sequence: UInt32?

    package init(_ operation: String, _ cause: Cause, sequence: UInt32? = nil) {
        self.operation = operation
        self.cause = cause
        self.sequence = sequence
    }

    package enum Cause: Hashable, Sendable {
        /// The kernel ran the request and refused it.
        case refused(NetlinkAcknowledgement)
        /// A system call failed. Where it is the one that sends, the request was not run.
        case system(call: String, errno: Int32)
        /// No answer within the time allowed, in seconds. Whether the request was run is unknown.
        case timedOut(seconds: Double)
        /// The receive buffer was full and the answer was dropped (`ENOBUFS`). Whether the request was run is unknown.
        case answerLost
        /// A reply was longer than the receive buffer.
        case truncated
        /// A reply was not netlink.
        case malformed(NetlinkDecodingError)
        /// The table changed during each of so many dumps.
        case interrupted(attempts: Int)
        /// A generic netlink family that the kernel does not have, nor could load.
        case familyMissing(String)
        /// The request does not fit into a netlink message.
        case requestTooLong
    }

    /// The error number, where the kernel gave one: as the answer to the request or of a system call.
    package var errno: Int32? {
        switch cause {
        case .refused(let acknowledgement): acknowledgement.errno
        case .system(_, let errno): errno
        default: nil
        }
    }

    /// Whether the kernel may have run the request all the same: what was asked of it is to be looked at again.
    package var isOutcomeUnknown: Bool {
        switch cause {
        case .timedOut, .answerLost, .truncated, .malformed: true
        case .system(let call, _): call != "send"
        case .refused, .interrupted, .familyMissing, .requestTooLong: false
        }
    }

    /// The kernel's own words, where it had any.
    package var kernelMessage: String? {
        if case .refused(let acknowledgement) = cause { acknowledgement.message } else { nil }
    }

    package var description: String { "\(operation): \(cause)" }
}

extension NetlinkError.Cause: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused(let acknowledgement):
            ErrorNumber.text(acknowledgement.errno) + (acknowledgement.message.map { " (kernel: \($0))" } ?? "")
        case .system(let call, let errno): "\(call): \(ErrorNumber.text(errno))"
        case .timedOut(let seconds): "the kernel did not answer within \(seconds) s"
        case .answerLost: "the kernel's answer was lost, the receive buffer was full (ENOBUFS)"
        case .truncated: "the kernel's answer was longer than the receive buffer"
        case .malformed(let error): "the kernel's answer is malformed at \(error)"
        case .interrupted(let attempts): "the table changed during each of \(attempts) dumps"
        case .familyMissing(let name): "the kernel has no generic netlink family \(name)"
        case .requestTooLong: "the request does not fit into a netlink message"
        }
    }
}
