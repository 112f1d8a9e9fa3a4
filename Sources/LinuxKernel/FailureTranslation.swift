import Glibc
import IPSets
import IPVS
import Links
import NetlinkTransport
import NodeKernel
import PacketRules
import Sysctls

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
        self.init(cause, "\(error.reason)", remedy: error.reason.remedy, errorNumber: error.errno)
    }

    init(_ error: SetError) {
        let cause: Cause =
            switch error.reason {
            case .notPermitted: .privilege
            case .noSubsystem, .unsupportedType: .missingFeature
            case .differentSet, .inUse: .conflict
            case .noSuchSet, .outcomeUnknown: .stale
            case .full: .resource
            case .secondSession, .other: .other
            }
        self.init(cause, error.message, remedy: error.remedy, errorNumber: error.code == 0 ? nil : error.code)
    }

    init(_ error: RuleError) {
        // The tools say what is wrong in words only.
        func says(_ words: String...) -> Bool { words.contains { error.message.contains($0) } }
        let cause: Cause =
            switch error.cause {
            case .toolMissing: .missingFeature
            case .timedOut: .resource
            case .failed where says("xtables lock"): .resource
            case .failed where says("you must be root", "Permission denied", "Can't open socket to ipset"): .privilege
            case .failed where says("Operation not supported", "Table does not exist", "Failed to initialize nft", "Couldn't load"):
                .missingFeature
            case .failed where says("No chain/target/match by that name", "Extension"): .missingFeature
            case .failed where says("Operation not permitted"): .privilege
            default: .other
            }
        self.init(cause, error.description)
    }

    init(_ error: SysctlError) {
        let cause: Cause =
            switch error.errno {
            case EPERM, EACCES, EROFS: .privilege
            case ENOENT: .missingFeature
            default: .other
            }
        self.init(cause, error.description, errorNumber: error.errno)
    }

    /// Of connection tracking.
    init(_ error: NetlinkError) {
        let cause: Cause =
            switch error.errno {
            case EPERM: .privilege
            case EINVAL, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT: .missingFeature
            case ENOMEM, ENOBUFS: .resource
            default: .other
            }
        self.init(
            cause, error.description,
            remedy: cause == .missingFeature ? "Load the module nf_conntrack_netlink (modprobe nf_conntrack_netlink)." : nil,
            errorNumber: error.errno)
    }

    init(_ error: LinkError) {
        switch error {
        case .otherKind, .holdsAddress: self.init(.conflict, error.description)
        case .noSuchLink: self.init(.stale, error.description)
        case .notAName: self.init(.other, error.description)
        case .netlink(let netlink):
            let cause: Cause =
                switch netlink.errno {
                case EPERM: .privilege
                case EOPNOTSUPP, EAFNOSUPPORT: .missingFeature
                case ENOMEM, ENOBUFS: .resource
                case ENODEV: .stale
                default: netlink.isOutcomeUnknown ? .stale : .other
                }
            self.init(cause, error.description, errorNumber: netlink.errno)
        }
    }
}
