import CMalloc

/// What the C library holds of memory for this process.
enum ProcessMemory {
    /// Gives back to the system what was used and is free again. Reading and comparing everything takes several times the room of what is
    /// kept. See malloc_trim(3).
    static func giveBack() { _ = malloc_trim(0) }
}
