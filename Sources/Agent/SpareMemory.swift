import CMalloc

/// Memory that was used and is free again.
enum SpareMemory {
    /// Gives it back to the system. Reading and comparing everything takes several times the room of what is kept, and the C library
    /// keeps what was freed; see malloc_trim(3).
    static func giveBack() { _ = malloc_trim(0) }
}
