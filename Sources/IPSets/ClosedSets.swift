import NodeModel

/// Sets to which nothing can be done for now, or nothing added, as a failure has shown.
struct ClosedSets {
    private var errors: [SetKey: SetError] = [:]

    /// What a change would fail with; nil where it may succeed. A full set still gives entries back.
    func error(concerning change: SetChange) -> SetError? {
        guard !errors.isEmpty, let error = errors[change.member.set], !(change.isRemoval && error.reason == .full) else { return nil }
        return error.about(change)
    }

    /// Closes a set where a failure says that other changes to it would fail alike. True where it does.
    mutating func close(after error: SetError, of change: SetChange) -> Bool {
        if error.concernsWholeSet { errors[change.member.set] = error }
        return error.concernsWholeSet
    }

    /// What has been removed makes room.
    mutating func open(after changes: ArraySlice<SetChange>) {
        if errors.isEmpty { return }
        for change in changes where change.isRemoval { errors[change.member.set] = nil }
    }
}
