import IPSets
import IPVS
import NetlinkTransport
import NodeKernel

/// The errors of the subsystems, in the words of the agent.
extension KernelFailure {
    init(_ error: IPVSError) {
        let cause: Cause =
            switch error.reason {
            case .notPermitted: .privilege
            case .unavailable, .unknownScheduler, .unknownSchedulerOrPersistenceEngine, .familyNotSupported: .missingFeature
            case .unknownVirtualServer, .unknownRealServer, .virtualServerExists, .realServerExists, .outcomeUnknown: .stale
            case .outOfMemory: .resource
            default: .other
            }
        self.init(cause, error.reasonText, remedy: error.reason.remedy, errorNumber: error.errno)
    }

    init(_ error: SetError) {
        let cause: Cause =
            switch error.reason {
            case .notPermitted: .privilege
            case .noSubsystem, .unsupportedType: .missingFeature
            case .differentSet, .inUse: .conflict
            case .noSuchSet: .stale
            case .full: .resource
            case .secondSession, .other: .other
            }
        self.init(cause, error.message, remedy: error.remedy, errorNumber: error.code == 0 ? nil : error.code)
    }
}
