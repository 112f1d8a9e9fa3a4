import CMalloc
import Glibc

/// How the C library keeps memory for this process.
package enum Heaps {
    /// Has all threads share so many heaps, or as many as there are CPUs, if these are fewer. By itself the C library gives each thread one of its
    /// own, up to eight for each CPU, and what is freed in one is of no use to another: where many files are read at once that costs a fifth of
    /// all memory, and gains little time. See mallopt(3). To be called early.
    package static func share(atMost count: Int) {
        _ = mallopt(M_ARENA_MAX, Int32(max(min(count, sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)))
        // The first heap grows by so much at once, each step being a system call. (Others grow by a page or two.)
        _ = mallopt(M_TOP_PAD, 1 << 20)
        // Tables that grow are not to have pages of their own from the system each time, nor is what is free for a moment to go back to it: with
        // the defaults every third page of a start was touched for the first time more than once. What is left over in the end is given back
        // by whoever runs on (malloc_trim(3)).
        _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
        _ = mallopt(M_TRIM_THRESHOLD, 16 << 20)
    }
}
