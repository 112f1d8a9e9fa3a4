import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import Testing

@testable import Agent

@Suite struct DriftLedgerTests {
    private static let drift = Drift.address(ip("10.96.0.1"), on: "kube-ipvs0", isBound: false)

    /// The delays of something that comes back at once, each time that it was put right.
    @Test func delaysDoubleUpToTenMinutes() {
        var ledger = DriftLedger(period: .seconds(30))
        var now = ContinuousClock.now
        var delays: [Int64] = []
        for _ in 0..<10 {
            switch ledger.found(Self.drift, at: now) {
            case .mend: delays.append(0)
            case .wait(let recurrence):
                delays.append(recurrence.delay.components.seconds)
                #expect(ledger.found(Self.drift, at: now) == .waiting)
                #expect(ledger.due == now + recurrence.delay && ledger.waitingCount == 1)
                #expect(ledger.takeDue(at: now + recurrence.delay - .seconds(1)) == [])
                now += recurrence.delay
                #expect(ledger.takeDue(at: now) == [Self.drift.subject])
                #expect(ledger.due == nil && ledger.waitingCount == 0)
            case .waiting: Issue.record("it does not wait")
            }
        }
        #expect(delays == [0, 0, 30, 60, 120, 240, 480, 600, 600, 600])
    }

    @Test func whatWasQuietIsForgotten() {
        var ledger = DriftLedger(period: .seconds(30))
        var now = ContinuousClock.now
        for _ in 0..<5 {
            #expect(ledger.found(Self.drift, at: now) == .mend)
            #expect(ledger.found(Self.drift, at: now + .seconds(1)) == .mend)
            guard case .wait(let recurrence) = ledger.found(Self.drift, at: now + .seconds(2)) else {
                Issue.record("the third time waits")
                return
            }
            #expect(recurrence.count == 3 && recurrence.span == .seconds(2))
            _ = ledger.takeDue(at: now + .seconds(32))
            now += .seconds(632)
        }
    }

    @Test func eachThingHasItsOwn() {
        var ledger = DriftLedger(period: .seconds(30))
        let now = ContinuousClock.now
        for number in 0..<100 { #expect(ledger.found(.sysctl("\(number)", left: "1", found: "0"), at: now) == .mend) }
        for _ in 0..<2 { _ = ledger.found(Self.drift, at: now) }
        #expect(ledger.found(Self.drift, at: now) != .mend)
        #expect(ledger.firstWaiting(10).map(\.subject) == [Self.drift.subject])
        ledger.settle(Self.drift.subject, at: now)
        #expect(ledger.waitingCount == 0 && ledger.due == nil && ledger.takeDue(at: now + .seconds(60)) == [])
    }
}

@Suite struct LinkEchoTests {
    private static let address = ip("10.96.0.1")
    private static var picture: NodeState {
        var state = NodeState()
        (state.link, state.addresses) = (.asWanted, [address])
        return state
    }

    private func news(_ announcements: KernelAnnouncement...) -> KernelNews {
        var news = KernelNews()
        for announcement in announcements { news.add(announcement) }
        return news
    }

    @Test func othersChangesAreToldAtOnce() {
        var echoes = LinkEchoes(linkName: "kube-ipvs0")
        let now = ContinuousClock.now
        #expect(
            echoes.judge(news(.addressRemoved(Self.address), .addressAdded(ip("10.9.9.9"))), picture: Self.picture, at: now) == [
                .address(ip("10.9.9.9"), on: "kube-ipvs0", isBound: true), .address(Self.address, on: "kube-ipvs0", isBound: false),
            ])
        #expect(
            echoes.judge(news(.addressRemoved(Self.address), .link(.absent)), picture: Self.picture, at: now) == [
                .link("kube-ipvs0", left: .asWanted, found: .absent, addresses: [Self.address])
            ])
        #expect(echoes.judge(news(.addressAdded(Self.address), .link(.asWanted)), picture: Self.picture, at: now) == [])
        #expect(echoes.due == nil)
    }

    /// The agent has unbound and bound an address; that it was unbound is announced late.
    @Test func anEchoIsNotTakenForAChange() {
        var echoes = LinkEchoes(linkName: "kube-ipvs0")
        let now = ContinuousClock.now
        echoes.note(.removeAddress(Self.address), at: now)
        echoes.note(.addAddress(Self.address), at: now)
        #expect(echoes.judge(news(.addressRemoved(Self.address)), picture: Self.picture, at: now + .milliseconds(5)) == [])
        #expect(echoes.due == now + LinkEchoes.echoTime)
        #expect(echoes.judge(news(.addressAdded(Self.address)), picture: Self.picture, at: now + .milliseconds(6)) == [])
        #expect(echoes.due == nil)
        #expect(echoes.judgeDoubts(picture: Self.picture, at: now + .seconds(2)) == [])
    }

    @Test func whatIsNotTakenBackWasAChange() {
        var echoes = LinkEchoes(linkName: "kube-ipvs0")
        let now = ContinuousClock.now
        echoes.note(.addAddress(Self.address), at: now)
        _ = echoes.judge(news(.addressRemoved(Self.address)), picture: Self.picture, at: now + .milliseconds(5))
        #expect(echoes.judgeDoubts(picture: Self.picture, at: now + .milliseconds(900)) == [])
        #expect(
            echoes.judgeDoubts(picture: Self.picture, at: now + .seconds(1)) == [
                .address(Self.address, on: "kube-ipvs0", isBound: false)
            ])
    }

    @Test func whatTheAgentHasChangedSinceIsSettled() {
        var echoes = LinkEchoes(linkName: "kube-ipvs0")
        let now = ContinuousClock.now
        echoes.note(.addAddress(Self.address), at: now)
        _ = echoes.judge(news(.addressRemoved(Self.address)), picture: Self.picture, at: now + .milliseconds(5))
        echoes.note(.addAddress(Self.address), at: now + .milliseconds(10))
        #expect(echoes.judgeDoubts(picture: Self.picture, at: now + .seconds(2)) == [])
        #expect(echoes.due == nil)
    }
}

@Suite struct RuleLookTests {
    private static let left: [AddressFamily: RuleTables] = [.ipv4: RuleTables(["nat": .init(chains: ["KUBE-SERVICES": ["-j ACCEPT"]])])]
    private static let flushed: [AddressFamily: RuleTables] = [.ipv4: RuleTables(["nat": .init(chains: ["KUBE-SERVICES": []])])]
    private static var picture: NodeState {
        var state = NodeState()
        state.rules = left
        return state
    }

    private func look(_ looks: inout RuleLooks, _ found: [AddressFamily: RuleTables], _ meanwhile: (inout RuleLooks) -> Void = { _ in })
        -> [Drift]?
    {
        guard let look = looks.next() else { return nil }
        #expect(looks.next() == nil, "one at a time")
        meanwhile(&looks)
        return looks.take(found, of: look, picture: Self.picture)
    }

    @Test func whatASecondLookConfirmsHasDrifted() {
        var looks = RuleLooks()
        #expect(look(&looks, Self.left) == nil)
        looks.begin()
        #expect(look(&looks, Self.flushed) == [])
        #expect(look(&looks, Self.flushed)?.count == 1)
        #expect(look(&looks, Self.left) == nil)
    }

    @Test func whatASecondLookDoesNotSeeAgainHasNot() {
        var looks = RuleLooks()
        looks.begin()
        #expect(look(&looks, Self.flushed) == [])
        #expect(look(&looks, Self.left) == [])
        #expect(look(&looks, Self.left) == nil)
    }

    @Test func whatTheAgentChangedMeanwhileIsLeftToTheNextSweep() {
        var looks = RuleLooks()
        looks.begin()
        #expect(look(&looks, Self.flushed) { $0.changed() } == [])
        #expect(look(&looks, Self.flushed) == nil)
    }
}

@Suite struct MendingQueueTests {
    @Test func goesInSlicesAndInOrder() {
        var queue = MendingQueue()
        var touched = Touched()
        touched.base = .link
        touched.virtualServers = Set((0..<120).map { .address(IPAddress(ipv4: UInt32($0)), port: 80, .tcp) })
        touched.members = Set((0..<1500).map { SetMember(SetKey(.boundAddresses, .ipv4), .address(IPAddress(ipv4: UInt32($0)))) })
        touched.addresses = Set((0..<150).map { IPAddress(ipv4: UInt32($0)) })
        queue.append(touched)
        var taken = Touched()
        var slices = 0
        while !queue.isEmpty {
            let slice = queue.take()
            #expect(slice.virtualServers.count <= 50 && slice.members.count <= 1000 && slice.addresses.count <= 100)
            if !slice.addresses.isEmpty { #expect(taken.virtualServers.count == 120 && taken.members.count == 1500) }
            taken.formUnion(slice)
            slices += 1
        }
        #expect(taken == touched && slices == 7)
    }
}
