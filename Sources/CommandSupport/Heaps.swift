import CMalloc

/// How the C library keeps memory for this process.
package enum Heaps {
    /// Has all threads share so many heaps. By itself the C library gives each thread one of its own, up to eight for each CPU, and what is
    /// freed in one is of no use to another: where many files are read at once that costs a fifth of all memory, and gains little time. See
    /// mallopt(3). To be called early.
    package static func share(_ count: Int32) {
        _ = mallopt(M_ARENA_MAX, count)
        // Heaps grow by so much at once: each step is a system call.
        _ = mallopt(M_TOP_PAD, 1 << 20)
        // Tables that grow are not to have pages of their own from the system each time, nor is what is free for a moment to go back to it: with
        // the defaults every third page of a start was touched for the first time more than once. What is left over in the end is given back
        // by whoever runs on (malloc_trim(3)).
        _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
        _ = mallopt(M_TRIM_THRESHOLD, 16 << 20)
    }
}
