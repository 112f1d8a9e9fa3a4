import NodeKernel
import NodeModel
import Planner

/// What others have changed: it is noted, told, and put right.
extension Reconciler {
    /// Takes in what the kernel announced. The agent's own changes are in its picture already and touch nothing.
    package func take(_ news: KernelNews) async -> Round {
        guard hasLooked else { return Round() }
        if news.isLost { sweeps.beginSoon() }
        for drift in echoes.judge(news, picture: picture.state, at: now()) { mending.append(found(drift)) }
        return await mend()
    }

    /// Takes a drift into the picture, tells of it where it is ours, and returns what is to be put right now.
    func found(_ drift: Drift) -> Touched {
        let isOurs = Planner.isToBeMended(drift, wanted: wanted, observed: picture.state, ownership: ownership)
        // A node port tells that a virtual server is ours for as long as its address is the node's: it is to go after that.
        if case .otherAddress(let address, _, nil) = drift {
            remember(
                wanted.virtualServerKeys(on: address).filter {
                    picture.state.virtualServers[$0] != nil && ownership.isTold($0, in: picture.state)
                })
        }
        picture.take(drift)
        sweeps.leaveOut(drift)
        var touched = Touched()
        // What other links hold is their own, but may decide what is to be done here.
        if case .otherAddress = drift {
            nodeAddressesChanged = true
            touched.insert(drift)
            return touched
        }
        guard isOurs else {
            // Somebody has put it right, or it is no longer asked for.
            if delayed.removeValue(forKey: drift.subject) != nil { ledger.settle(drift.subject, at: now()) }
            return touched
        }
        touched.insert(drift)
        let verdict = ledger.found(drift, at: now())
        report.found(drift, verdict)
        guard verdict != .mend else { return touched }
        delayed[drift.subject, default: Touched()].formUnion(touched)
        return Touched()
    }

    /// Puts right what has waited long enough.
    func resumeDelayed() {
        for subject in ledger.takeDue(at: now()) {
            if let touched = delayed.removeValue(forKey: subject) { mending.append(touched) }
        }
    }

    /// Puts right one slice of what is to be put right.
    func mend() async -> Round {
        var round = Round()
        if !mending.isEmpty {
            round = await execute(plan(mending.take(), isFoundByLooking: true))
            report.mended(round)
        }
        endReport()
        return round
    }

    /// Tells of what was only counted, when nothing more is to come of it.
    func endReport() {
        if mending.isEmpty, !sweeps.isUnderWay { report.end() }
    }
}
