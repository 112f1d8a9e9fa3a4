import NetlinkCodec
import NetlinkTransport

/// What the kernel's numbers mean, by operation. Read in `net/netfilter/ipvs/ip_vs_ctl.c` of Linux 6.1 (`ip_vs_genl_set_cmd`,
/// `ip_vs_add_service`, `ip_vs_edit_service`, `ip_vs_add_dest`, `ip_vs_edit_dest`, `ip_vs_del_dest`).
extension IPVSError.Reason {
    /// The numbers of `errno.h` that have a meaning here.
    private enum Number {
        static let notPermitted: Int32 = 1
        static let noEntry: Int32 = 2
        static let noProcess: Int32 = 3
        static let noMemory: Int32 = 12
        static let access: Int32 = 13
        static let exists: Int32 = 17
        static let invalid: Int32 = 22
        static let range: Int32 = 34
        static let familyNotSupported: Int32 = 97
    }

    /// The meaning of an error number that is the answer to an operation.
    public init(errno: Int32, of operation: IPVSOperation) {
        switch (errno, operation.virtualServer, operation.realServer) {
        case (Number.noEntry, let key?, let server?): self = .unknownRealServer(server, of: key)
        case (Number.noEntry, _, nil): self = operation.missingModule ?? .other(errno)
        case (Number.noProcess, let key?, _): self = .unknownVirtualServer(key)
        case (Number.exists, let key?, let server?): self = .realServerExists(server, of: key)
        case (Number.exists, let key?, nil): self = .virtualServerExists(key)
        default: self.init(errno: errno, family: operation.virtualServer?.family)
        }
    }

    /// The meaning of an error number whatever was asked.
    init(errno: Int32, family: AddressFamily?) {
        switch errno {
        case Number.notPermitted, Number.access: self = .notPermitted
        case Number.noMemory: self = .outOfMemory
        case Number.invalid: self = .invalid
        case Number.range: self = .outOfRange
        case Number.familyNotSupported: self = .familyNotSupported(family)
        default: self = .other(errno)
        }
    }

    /// The meaning of a failed exchange whose number, where it has one, was not the answer to an operation on an object.
    init(_ cause: NetlinkError.Cause, family: AddressFamily? = nil) {
        switch cause {
        case .refused(let answer): self.init(errno: answer.errno, family: family)
        case .familyMissing: self = .unavailable
        case .timedOut, .answerLost: self = .outcomeUnknown(cause.description)
        case .truncated, .malformed: self = .malformedAnswer(cause.description)
        case .interrupted: self = .tableKeepsChanging
        case .system(_, let errno) where errno == Number.notPermitted: self = .notPermitted
        case .system(_, let errno) where errno == Number.noMemory: self = .outOfMemory
        case .system: self = .system(cause.description)
        case .requestTooLong: self = .invalid
        }
    }
}

extension IPVSOperation {
    /// What `ENOENT` means of a virtual server: it is there or not needed, so a module it names is missing.
    fileprivate var missingModule: IPVSError.Reason? {
        switch self {
        case .addVirtualServer(let server), .updateVirtualServer(let server):
            if let engine = server.configuration.persistenceEngine {
                .unknownSchedulerOrPersistenceEngine(server.configuration.scheduler, engine)
            } else {
                .unknownScheduler(server.configuration.scheduler)
            }
        default: nil
        }
    }
}

extension IPVSError {
    /// The error of an operation that the kernel refused with a number.
    public init(_ operation: IPVSOperation, errno: Int32, kernelMessage: String? = nil) {
        self.init(
            operation: operation.name, object: operation.object, reason: Reason(errno: errno, of: operation), errno: errno,
            kernelMessage: kernelMessage)
    }

    init(_ operation: IPVSOperation, _ error: NetlinkError) {
        if case .refused(let answer) = error.cause {
            self.init(operation, errno: answer.errno, kernelMessage: answer.message)
        } else if error.isOutcomeUnknown {
            self.init(
                operation: operation.name, object: operation.object, reason: .outcomeUnknown(error.cause.description), errno: error.errno)
        } else {
            self.init(
                operation: operation.name, object: operation.object,
                reason: Reason(error.cause, family: operation.virtualServer?.family), errno: error.errno)
        }
    }

    /// The error of something that reads.
    init(_ error: NetlinkError, about key: VirtualServer.Key? = nil) {
        var reason = Reason(error.cause, family: key?.family)
        // ESRCH
        if case .refused(let answer) = error.cause, answer.errno == 3, let key { reason = .unknownVirtualServer(key) }
        self.init(
            operation: error.operation, object: key.map { "\($0)" } ?? "", reason: reason, errno: error.errno,
            kernelMessage: error.kernelMessage)
    }
}
