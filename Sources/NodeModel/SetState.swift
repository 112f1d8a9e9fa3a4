package import Addresses

/// An entry and the set that holds it.
package struct SetMember: Hashable, Sendable, CustomStringConvertible {
    // The entry first: the set goes into what is left of its last eight bytes.
    package let entry: SetEntry
    package let set: SetKey

    package init(_ set: SetKey, _ entry: SetEntry) {
        self.set = set
        self.entry = entry
    }

    package var description: String { "\(set) \(entry)" }
}

/// A set as it is made: type and family are its identity, the rest is room.
package struct SetDefinition: Hashable, Sendable {
    package var key: SetKey
    /// Buckets to begin with; a power of two. Unused for bitmaps.
    package var hashSize: UInt32
    /// Entries that the set can hold. Unused for bitmaps, which hold every port.
    package var maximumEntries: UInt32

    package init(_ key: SetKey, hashSize: UInt32 = 1024, maximumEntries: UInt32 = 1 << 16) {
        self.key = key
        self.hashSize = hashSize
        self.maximumEntries = maximumEntries
    }

    /// The same with room for so many entries, and as many again before it has to grow.
    package func holding(_ count: Int) -> SetDefinition {
        var definition = self
        // A bucket holds up to 12 entries before the kernel doubles the table (`AHASH_MAX_SIZE` in `ip_set_hash_gen.h`); 4 are meant.
        definition.hashSize = max(hashSize, Self.powerOfTwo(atLeast: count / 4))
        definition.maximumEntries = max(maximumEntries, Self.powerOfTwo(atLeast: count * 2))
        return definition
    }

    private static func powerOfTwo(atLeast count: Int) -> UInt32 {
        var power: UInt32 = 1
        while power < count, power < 1 << 31 { power <<= 1 }
        return power
    }
}

/// A set as the kernel shows it.
package struct ObservedSet: Hashable, Sendable {
    /// The type's name, which may be one that we would not have chosen (another owner's set under our name).
    package var typeName: String
    package var family: AddressFamily
    /// 0 for bitmaps.
    package var maximumEntries: UInt32
    /// Whether entries can carry a packet mark (`skbinfo`).
    package var keepsMarks: Bool
    package var entries: Set<SetEntry>

    package init(
        typeName: String, family: AddressFamily, maximumEntries: UInt32, keepsMarks: Bool = false, entries: Set<SetEntry> = []
    ) {
        self.typeName = typeName
        self.family = family
        self.maximumEntries = maximumEntries
        self.keepsMarks = keepsMarks
        self.entries = entries
    }

    /// Whether so many entries are more than the set can hold. A bitmap holds all that there can be.
    package func isTooSmall(for count: Int) -> Bool { maximumEntries > 0 && count > Int(maximumEntries) }

    /// Whether the set can serve as the one wanted under this key.
    package func serves(as key: SetKey) -> Bool {
        // A bitmap has no family of its own; the kernel shows it as IPv4.
        typeName == key.type.rawValue && (key.type == .bitmapPort || family == key.family) && (keepsMarks || !key.set.keepsMarks)
    }
}
