/// What a kernel setting should be.
package struct SysctlWish: Hashable, Sendable {
    package var value: String
    /// Whether a greater number is as good: limits are raised, and never lowered.
    package var isLeast = false
    /// Whether balancing works without it. That it cannot be set, since `/proc/sys` is read-only in a container or the setting is the host's,
    /// is worth a warning, and no failure.
    package var isAdvised = false

    package init(_ value: String, isLeast: Bool = false, isAdvised: Bool = false) {
        self.value = value
        self.isLeast = isLeast
        self.isAdvised = isAdvised
    }

    /// Whether the setting is as it should be; nil for one that cannot be read.
    package func isMet(by found: String?) -> Bool {
        guard let found else { return false }
        if isLeast, let least = Int64(value), let number = Int64(found) { return number >= least }
        return found == value
    }
}

extension SysctlWish: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(value) }
}
