import Addresses
import IPSets
import IPVS
package import IPVSModel
import Links
package import NodeKernel
package import NodeModel
import PacketRules
import Sysctls

extension LinuxKernel {
    package func observe(_ scope: ObservationScope, expecting expected: ExpectedState?) async -> Observation {
        var observation = Observation(state: NodeState(), seen: [])
        // A start has just seen the rules: whatever else runs beside a look on one processor makes it longer. Alone they are looked at now and
        // then, beside the loop: whoever waits for a change comes first.
        let ruleLook = scope.contains(.rules) && !rulesAtChoice.take(at: .now) ? beginRuleLook(givingWay: scope == .rules) : nil
        // IPVS first: its settings and modules are there only after it was asked for.
        if scope.contains(.virtualServers) {
            observation.add(.virtualServers) { (state) throws(KernelFailure) in try seeVirtualServers(&state, expecting: expected) }
        }
        if scope.contains(.sysctls) { observation.add(.sysctls, seeSysctls) }
        if scope.contains(.link) {
            observation.add(.link) { (state) throws(KernelFailure) in try seeLink(&state, expecting: expected?.addressCount ?? 0) }
        }
        if scope.contains(.sets) { observation.add(.sets, seeSets) }
        if scope.contains(.rules) {
            do throws(KernelFailure) {
                observation.state.rules = try await seeRules(ruleLook)
                observation.seen.insert(.rules)
            } catch {
                observation.failures.append(error)
            }
        }
        return observation
    }

    package func observe(
        virtualServers keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: VirtualServerState] {
        try withIPVS { (handle) throws(IPVSError) in try handle.states(of: keys) }
    }

    package func traffic(
        of keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: [RealServer.Key: ObservedRealServer]] {
        try withIPVS { (handle) throws(IPVSError) in
            var seen: [VirtualServer.Key: [RealServer.Key: ObservedRealServer]] = [:]
            // The answer is empty where the virtual server is gone.
            for key in keys { for server in try handle.realServers(of: key) { seen[key, default: [:]][server.server.key] = server } }
            return seen
        }
    }

    private func seeVirtualServers(
        _ state: inout NodeState, expecting expected: ExpectedState?
    ) throws(KernelFailure) {
        (state.virtualServers, state.timeouts) = try withIPVS { (handle) throws(IPVSError) in
            (try handle.allStates(expecting: expected, mostInText: mostInText), try handle.timeouts())
        }
    }

    private func seeSysctls(_ state: inout NodeState) {
        state.sysctls = readSysctls()
        state.readOnlySysctls = Set(sysctlNames.filter { SysctlFiles().isReadOnly($0) })
    }

    func readSysctls() -> [String: String] {
        var values: [String: String] = [:]
        // One that cannot be read is seen as different, so that writing it is tried and fails with its reason.
        for name in sysctlNames { values[name] = try? SysctlFiles().read(name) }
        return values
    }

    private func seeSets(_ state: inout NodeState) throws(KernelFailure) {
        do throws(SetError) {
            var reader = try SetReader(pieces: 64 << 10)
            state.sets = try reader.list()
        } catch {
            throw KernelFailure(error)
        }
        state.hasLeftoverSet = try withSets { (session) throws(SetError) in try session.hasLeftover() }
    }

    private func seeLink(_ state: inout NodeState, expecting count: Int) throws(KernelFailure) {
        do throws(LinkError) {
            let seen = try LinkLook.whole(linkName, expecting: count)
            state.link = DummyLink(seen.link)
            (state.addresses, state.otherAddresses) = (seen.hostAddresses, seen.others.all)
        } catch {
            throw KernelFailure(error)
        }
    }

    /// The rules, as processes read them that run while the rest is looked at.
    private typealias RuleLook = Task<Result<[AddressFamily: RuleTables], RuleError>, Never>

    /// Begins to read the rules; nil where it has to be found out first what reads them, which sees them too.
    private func beginRuleLook(givingWay: Bool) -> RuleLook? {
        guard let rules else { return nil }
        return RuleLook.detached {
            do throws(RuleError) {
                return .success(try await rules.observe(Self.families.sorted(), givingWay: givingWay))
            } catch {
                return .failure(error)
            }
        }
    }

    private func seeRules(_ look: RuleLook?) async throws(KernelFailure) -> [AddressFamily: RuleTables] {
        let families = Self.families.sorted()
        // One look only: the next is to see what stands then.
        defer { rulesAtChoice.forget() }
        return try await withRules(processes: look != nil ? families.count : 0) { (tool) async throws(RuleError) in
            if let look {
                return try await withTaskCancellationHandler(operation: { await look.value }, onCancel: { look.cancel() }).get()
            }
            // What the choice of the back end has just seen need not be asked for again.
            let seen = tool.seenAtChoice
            return families.allSatisfy { seen[$0] != nil } ? seen : try await tool.observe(families)
        }
    }
}

extension Observation {
    fileprivate mutating func add(_ scope: ObservationScope, _ see: (inout NodeState) throws(KernelFailure) -> Void) {
        do throws(KernelFailure) {
            try see(&state)
            seen.insert(scope)
        } catch {
            failures.append(error)
        }
    }
}

extension DummyLink {
    init(_ link: Link?) {
        self = link.map { .present(kind: $0.kind ?? "hardware", noARP: $0.noARP) } ?? .absent
    }
}
