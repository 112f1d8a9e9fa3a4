import IPVSModel
import Logging
import NodeKernel
import NodeModel
import Planner

/// Looking at parts of the kernel whole, and at single virtual servers exactly.
extension Reconciler {
    /// How many virtual servers are looked at exactly at once.
    static let exactAtOnce = 16

    /// Looks at parts of the kernel, exactly where it matters, and says what a plan has to look at.
    ///
    /// A part that is seen for the first time is adopted as it stands: all that is wanted or stands in it is to be compared. In one that has been
    /// seen before, what differs from the picture has drifted.
    func look(at scope: ObservationScope) async -> (touched: Touched, failures: [KernelFailure]) {
        let observation = await observe(scope)
        var failures = observation.failures
        let known = adopted.intersection(observation.seen)
        let new = observation.seen.subtracting(adopted)
        adopted.formUnion(new)
        picture.take(new, from: observation.state)
        // A sweep that is under way may have passed by half of it.
        sweeps.leaveOut(new)
        if new.contains(.link) { nodeAddressesChanged = true }
        var touched = followNodeAddresses()
        let began = ContinuousClock.now
        touched.formUnion(Planner.everything(wanted: wanted, observed: picture.state, ownership: ownership, seen: new))
        times.planning += .now - began
        if new.contains(.virtualServers) {
            // What the fast look leaves out reads as its default: where that is not as wanted, it may be what was left out.
            let doubtful = touched.virtualServers.filter { key in
                guard let standing = picture.state.virtualServers[key], let server = wanted.virtualServer(key) else { return false }
                return standing != server
            }
            failures += await lookExactly(at: doubtful.sorted()) { keys, drifts in
                // Those of which nobody knows how they stand are left as they are.
                if let drifts { for drift in drifts { picture.take(drift) } } else { touched.virtualServers.subtract(keys) }
            }
            adoptBackends(&touched)
        }
        guard !known.isEmpty else { return (touched, failures) }
        var sweep = Sweep(linkName: wanted.base.linkName)
        for sighting in observation.sightings(of: known) {
            for drift in sweep.take(sighting, picture: picture.state, wanted: wanted) { touched.formUnion(found(drift)) }
        }
        if known.contains(.rules) {
            for drift in Drift.between(picture.state.rules, observation.state.rules) { touched.formUnion(found(drift)) }
        }
        failures += await lookExactly(at: sweep.takeSuspects(.max)) { _, drifts in
            for drift in drifts ?? [] { touched.formUnion(found(drift)) }
        }
        return (touched, failures)
    }

    /// Looks at virtual servers exactly, some at a time, and hands over what has drifted of these; nil where they could not be seen.
    func lookExactly(
        at servers: [VirtualServer.Key], _ body: (_ keys: ArraySlice<VirtualServer.Key>, _ drifts: [Drift]?) -> Void
    ) async -> [KernelFailure] {
        var failures: [KernelFailure] = []
        for start in stride(from: 0, to: servers.count, by: Self.exactAtOnce) {
            let keys = servers[start..<min(start + Self.exactAtOnce, servers.count)]
            do throws(KernelFailure) {
                let found = try await kernel.observe(virtualServers: Array(keys))
                exactFailure = nil
                let drifts = keys.compactMap { key -> Drift? in
                    let left = picture.state.virtualServers[key]
                    return left == found[key] ? nil : .virtualServer(key, left: left, found: found[key])
                }
                body(keys, drifts)
            } catch {
                logger.log(level: exactFailure == error ? .debug : .error, "cannot look at \(keys.count) virtual servers: \(error)")
                exactFailure = error
                retries.failed(lookingAt: keys)
                failures.append(error)
                body(keys, nil)
            }
        }
        return failures
    }

    /// Tries once more what has failed.
    package func retry() async -> Round {
        let work = retries.take()
        var (touched, failures) = (work.touched, [KernelFailure]())
        if !work.looking.isEmpty {
            let seen = await look(at: work.looking)
            touched.formUnion(seen.touched)
            failures += seen.failures
        }
        failures += await lookExactly(at: work.servers.sorted()) { keys, drifts in
            guard let drifts else { return }
            for drift in drifts { touched.formUnion(found(drift)) }
            // What the ledger holds back waits; the others are compared in any case.
            touched.virtualServers.formUnion(keys.filter { delayed[.virtualServer($0)] == nil })
        }
        var round = await execute(plan(touched, isFoundByLooking: true))
        endReport()
        tell(recovered: retries.endAttempt())
        round.observationFailures = failures
        return round
    }
}

extension WantedState {
    /// What a look finds where all is as it should be.
    var expected: ExpectedState {
        ExpectedState(virtualServerCount: virtualServerKeys.count, addressCount: addresses.count) { virtualServer($0) }
    }
}
