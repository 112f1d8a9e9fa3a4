import Glibc

/// What the codes of the kernel's ip_set mean, by what was asked of it.
extension SetError.Reason {
    /// Codes from 4096 are counted in `enum ipset_errno` of `linux/netfilter/ipset/ip_set.h`; those from 4352 are the type's own.
    private enum Code {
        static let findType: Int32 = 4096 + 2
        static let busy: Int32 = 4096 + 4
        static let typeMismatch: Int32 = 4096 + 6
        static let referenced: Int32 = 4096 + 12
        /// `IPSET_ERR_HASH_FULL`; for a bitmap the same number is `IPSET_ERR_BITMAP_RANGE`.
        static let hashFull: Int32 = 4352
    }

    package init(code: Int32, action: SetError.Action, message: String, isBitmap: Bool = false) {
        switch (action, code) {
        case (_, EPERM), (_, EACCES): self = .notPermitted
        // nfnetlink answers EINVAL for a subsystem that it does not have and cannot load; without nfnetlink the socket fails.
        case (.open, EINVAL), (.open, EPROTONOSUPPORT), (.open, EAFNOSUPPORT), (.open, EOPNOTSUPP),
            (.list, EINVAL), (.list, EPROTONOSUPPORT), (.list, EAFNOSUPPORT), (.list, EOPNOTSUPP):
            self = .noSubsystem
        case (.create, EEXIST), (_, Code.typeMismatch): self = .differentSet("")
        case (_, Code.busy), (_, Code.referenced), (_, EBUSY): self = .inUse
        case (_, Code.findType): self = .unsupportedType
        case (_, ENOENT): self = .noSuchSet
        case (.add, Code.hashFull) where !isBitmap: self = .full
        // libipset speaks for itself, without a code, where it knows no revision of the type that the kernel knows.
        case (.create, 0) where message.contains("Kernel-library incompatibility"): self = .unsupportedType
        default: self = .other
        }
    }
}
