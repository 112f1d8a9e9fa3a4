import CProcess
import Dispatch
import Glibc

/// The end of a child of ours, waited for without a thread of its own.
///
/// Its number stays its own until it is reaped; so whoever has to send its group a signal does so between the two.
package enum ChildEnd {
    /// Returns when it has ended.
    package static func wait(for child: Int32) async { await wait(for: child, through: pidfd_open(child, 0)) }

    /// Waits through a descriptor that is readable when the process has ended (pidfd_open(2)), and closes it; without one, by looking.
    static func wait(for child: Int32, through descriptor: Int32) async {
        await withCheckedContinuation { continuation in
            guard descriptor >= 0 else { return look(at: child, continuation) }
            let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
            source.setEventHandler { source.cancel() }
            source.setCancelHandler {
                close(descriptor)
                continuation.resume()
            }
            source.resume()
        }
    }

    /// Lets go of one that has ended, and says how it did; nil where somebody else has taken note of that.
    package static func reap(_ child: Int32) -> Program.Ending? {
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return nil } }
        return Program.Ending(waitStatus: status)
    }

    private static let queue = DispatchQueue(label: "ipvs-agent.children")
    /// How often to look where the kernel tells nothing (no descriptors are left, or a filter of system calls).
    private static let glance = DispatchTimeInterval.milliseconds(20)

    private static func look(at child: Int32, _ continuation: CheckedContinuation<Void, Never>) {
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + glance, repeating: glance)
        timer.setEventHandler { if hasEnded(child) { timer.cancel() } }
        timer.setCancelHandler { continuation.resume() }
        timer.resume()
    }

    private static func hasEnded(_ child: Int32) -> Bool {
        var found = unsafe siginfo_t()
        // 0 with no signal in it where it goes on (waitid(2)); an error where it is no child any more.
        return unsafe waitid(P_PID, id_t(child), &found, WEXITED | WNOHANG | WNOWAIT) != 0 || found.si_signo != 0
    }
}
