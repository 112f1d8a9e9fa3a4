package import NodeModel

extension SetSession {
    /// Makes a set that stands anew with more room: a new one is made beside it and filled with what it holds, the two change places in one
    /// step, and the old one goes. A rule goes on matching whichever of the two stands in that place.
    ///
    /// A process that is killed on the way leaves the set beside it, by a name that tells (`ServiceSet.leftoverName`): not yet filled, or
    /// the old one. The set itself is whole at every moment.
    package func grow(_ definition: SetDefinition) throws(SetError) {
        let (key, beside) = (definition.key, ServiceSet.leftoverName)
        var reader = try SetReader()
        guard let standing = try reader.list([key])[key] else {
            throw SetError(.swap, key.name, reason: .noSuchSet, code: 0, message: "there is no such set")
        }
        guard standing.serves(as: key) else {
            throw SetError(.swap, key.name, reason: .differentSet(standing.layout), code: 0, message: "it is another's")
        }
        try destroyLeftover()
        try create(definition, named: beside)
        do throws(SetError) {
            if let failure = change(standing.entries.map { .add(SetMember(key, $0)) }, in: beside).first { throw failure.error }
            try swap(beside, key.name)
        } catch {
            // If this fails too, the next look finds it.
            try? destroyLeftover()
            throw error
        }
        try destroyLeftover()
    }

    /// Whether a growth that was cut short left something.
    package func hasLeftover() throws(SetError) -> Bool { try stands(named: ServiceSet.leftoverName) }

    package func destroyLeftover() throws(SetError) { try destroy(named: ServiceSet.leftoverName) }
}
