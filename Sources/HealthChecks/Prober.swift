package import HealthModel
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Probes on one event loop or a few: no thread and no task for a probe.
///
/// A probe that this node cannot bear is refused: news with a hindrance say so, and it is taken on when others have ended and made room.
package final class Prober: HealthProber {
    package let news: AsyncStream<ProbeNews>

    private struct State {
        var admission: ProbeAdmission
        var taken: Set<Probe> = []
        /// In the order in which they were asked for; those that were ended meanwhile are no longer in the set.
        var refused: [Probe] = []
        var isRefused: Set<Probe> = []
        var isOver = false
    }

    private let state: Mutex<State>
    private let post: AsyncStream<ProbeNews>.Continuation
    private let group: MultiThreadedEventLoopGroup
    private let loops: [NIOLoopBound<ProbeLoop>]

    package init(limits: ProbeLimits = .ofThisNode(), loops count: Int = 2) {
        let (news, post) = AsyncStream.makeStream(of: ProbeNews.self)
        self.news = news
        self.post = post
        state = Mutex(State(admission: ProbeAdmission(limits)))
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(count, 1))
        var loops: [NIOLoopBound<ProbeLoop>] = []
        for loop in group.makeIterator() {
            let made = loop.submit {
                let checkers = Checkers(loop: loop)
                let probes = ProbeLoop(loop: loop) { probe throws(CheckerProblem) in
                    try checkers.checker(for: probe)
                } tell: {
                    post.yield($0)
                }
                return NIOLoopBound(probes, eventLoop: loop)
            }
            // The loop runs already and has nothing else to do.
            if let bound = try? made.wait() { loops.append(bound) }
        }
        self.loops = loops
    }

    package func change(begin: [Probe], end: [Probe]) {
        // Under the lock, so that changes come to the loops in the order in which they were asked for.
        state.withLock { state in
            guard !state.isOver else { return }
            var begun: [Probe] = []
            var ended: [Probe] = []
            for probe in end {
                if state.taken.remove(probe) != nil {
                    state.admission.release(probe)
                    ended.append(probe)
                } else {
                    state.isRefused.remove(probe)
                }
            }
            // Room that was made goes first to who waits longest.
            while !ended.isEmpty, let first = state.refused.first {
                guard state.isRefused.contains(first) else {
                    state.refused.removeFirst()
                    continue
                }
                guard state.admission.admit(first) == nil else { break }
                state.refused.removeFirst()
                state.isRefused.remove(first)
                state.taken.insert(first)
                begun.append(first)
                post.yield(ProbeNews(probe: first, verdict: .unknown, at: .now))
            }
            for probe in begin where !state.taken.contains(probe) && !state.isRefused.contains(probe) {
                if let refusal = state.admission.admit(probe) {
                    state.refused.append(probe)
                    state.isRefused.insert(probe)
                    post.yield(ProbeNews(probe: probe, verdict: .unknown, hindrance: "not probed: \(refusal)", at: .now))
                } else {
                    state.taken.insert(probe)
                    begun.append(probe)
                }
            }
            guard !begun.isEmpty || !ended.isEmpty else { return }
            for (index, loop) in loops.enumerated() {
                let ending = ended.filter { place(of: $0) == index }
                let beginning = begun.filter { place(of: $0) == index }
                guard !ending.isEmpty || !beginning.isEmpty else { continue }
                loop.eventLoop.execute {
                    for probe in ending { loop.value.end(probe) }
                    for probe in beginning { loop.value.begin(probe) }
                }
            }
        }
    }

    package func run() async {
        // Commands of an agent that was killed go on otherwise until they end by themselves.
        await ProcessTree.aside { ProcessTree.endLeftovers() }
        let (cancelled, cancel) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in cancelled {}
        } onCancel: {
            cancel.finish()
        }
        state.withLock { $0.isOver = true }
        for loop in loops { try? await loop.eventLoop.submit { loop.value.endAll() }.get() }
        post.finish()
        try? await group.shutdownGracefully()
    }

    /// What probing has come to; how late starts were is since the last time this was asked.
    package func figures() async -> ProberFigures {
        var sum = ProberFigures()
        for loop in loops { sum = sum + ((try? await loop.eventLoop.submit { loop.value.takeFigures() }.get()) ?? ProberFigures()) }
        return sum
    }

    private func place(of probe: Probe) -> Int { loops.count == 1 ? 0 : Int(probe.hashValue.magnitude % UInt(loops.count)) }
}
