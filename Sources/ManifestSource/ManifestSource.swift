import Foundation
import Glibc
package import ServiceModel
import Synchronization

/// Delivers what the manifests in a directory ask for, and every change of it.
///
/// Files ending in `.yaml`, `.yml` and `.json` are read, hidden ones are not, nor are directories below. A directory that is
/// missing or cannot be read empties nothing: it is reported, and looked for until it is back.
package final class ManifestSource: ServiceSource {
    /// Every change, the first once the directory has been read whole. Until then only problems come, with `isSynced` false.
    package let updates: AsyncStream<SourceUpdate>
    /// From the first event of a burst until what it has brought was read.
    package var isUpdateComing: Bool { isComing.load(ordering: .relaxed) }

    private let directory: String
    private let reading: FileReading
    private let continuation: AsyncStream<SourceUpdate>.Continuation
    private let isComing = Atomic(false)

    /// - Parameters:
    ///   - directory: where the manifests are.
    ///   - nodePorts: the node ports that a Service may ask for.
    ///   - kinds: what is read.
    ///   - maximumFileBytes: larger files are refused.
    package init(
        directory: String, nodePorts: ClosedRange<UInt16> = 30000...32767,
        kinds: Set<SourceObject.Kind> = Set(SourceObject.Kind.allCases), maximumFileBytes: Int = 64 << 20
    ) {
        self.directory = directory
        reading = FileReading(reader: ManifestReader(nodePorts: nodePorts, kinds: kinds), maximumBytes: maximumFileBytes)
        (updates, continuation) = AsyncStream.makeStream()
    }

    /// Reads the directory once, and waits for that. Throws where the directory cannot be read; what is wrong inside it is in the update.
    package func readOnce() throws(SourceProblem) -> SourceUpdate {
        var follower = DirectoryFollower(path: directory, reading: reading)
        follower.refresh(now: .now)
        if let failure = follower.failure { throw failure }
        return follower.takeUpdate() ?? SourceUpdate(problems: [])
    }

    /// Follows the directory until the task is cancelled; then `updates` ends. To be called once.
    ///
    /// Reading files blocks, so it is done by a thread of its own.
    package func run() async {
        guard let stop = StopSignal() else {
            continuation.yield(
                SourceUpdate(
                    problems: [SourceProblem(place: directory, message: "no file descriptor is left to follow it")], isSynced: false))
            continuation.finish()
            return
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { done in
                let thread = Thread { [self] in
                    follow(until: stop)
                    done.resume()
                }
                thread.name = "manifests"
                // The parser recurses, to a depth that libyaml bounds.
                thread.stackSize = 8 << 20
                thread.start()
            }
        } onCancel: {
            stop.raise()
        }
        continuation.finish()
    }

    private func follow(until stop: StopSignal) {
        var follower = DirectoryFollower(path: directory, reading: reading)
        var nextLook = ContinuousClock.now
        while !stop.isRaised {
            var now = ContinuousClock.now
            if now >= nextLook {
                follower.refresh(now: now)
                nextLook = .now + DirectoryFollower.interval
            }
            follower.takeEvents(now: now)
            now = .now
            follower.takePending(now: now)
            if let update = follower.takeUpdate() { continuation.yield(update) }
            isComing.store(follower.isUpdateComing(now: .now), ordering: .relaxed)
            let pause = min(nextLook, follower.wakeAt ?? nextLook) - .now
            let milliseconds =
                pause.components.seconds * 1000 + (pause.components.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
            follower.wait(or: stop.descriptor, milliseconds: Int32(clamping: max(0, milliseconds)))
        }
    }
}
