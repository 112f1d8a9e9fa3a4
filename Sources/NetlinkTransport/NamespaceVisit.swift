import CNetlink
import Glibc

/// Running something in another network namespace.
package enum NamespaceVisit {
    /// Runs `body` on a thread of its own that has entered the namespace, and waits for it.
    ///
    /// `setns` changes a thread, not a process. A thread that lives for this alone needs no way back, so no failure on the way back can
    /// leave a thread of the caller's in a foreign namespace. With a nil path `body` runs where the caller is.
    package static func run<Value>(
        at path: String?, _ body: @escaping () -> Value
    ) throws(NamespaceVisitError) -> Value {
        guard let path else { return body() }
        var value: Value?
        let visit = Visit(path) { value = body() }
        var thread = pthread_t()
        let retained = unsafe Unmanaged.passRetained(visit)
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument { unsafe Unmanaged<Visit>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, retained.toOpaque())
        guard code == 0 else {
            unsafe retained.release()
            throw NamespaceVisitError(call: "pthread_create", errno: code)
        }
        pthread_join(thread, nil)
        if let error = visit.error { throw error }
        guard let value else { throw NamespaceVisitError(call: "setns", errno: EIO) }
        return value
    }

    /// Moves the calling thread into the namespace for good. Threads that it makes later are born there; others stay where they are.
    package static func enter(_ path: String) throws(NamespaceVisitError) {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw NamespaceVisitError(call: "open", errno: errno) }
        defer { _ = Glibc.close(file) }
        guard setns(file, networkNamespace) == 0 else { throw NamespaceVisitError(call: "setns", errno: errno) }
    }

    /// `CLONE_NEWNET` in `linux/sched.h`: refuse a file that is another kind of namespace.
    private static let networkNamespace: CInt = 0x4000_0000

    /// What the thread is given: it has no argument but a pointer.
    private final class Visit {
        private let path: String
        private let body: () -> Void
        private(set) var error: NamespaceVisitError?

        init(_ path: String, _ body: @escaping () -> Void) {
            self.path = path
            self.body = body
        }

        func run() {
            do throws(NamespaceVisitError) { try NamespaceVisit.enter(path) } catch {
                self.error = error
                return
            }
            body()
        }
    }
}

/// A network namespace that could not be entered: which call said no, and its number of `errno.h`.
package struct NamespaceVisitError: Error, Hashable, Sendable {
    package var call: String
    package var errno: Int32
}
