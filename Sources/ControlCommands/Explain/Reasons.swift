import IPVS
import NodeModel
import Telemetry

/// Why a virtual server works or does not, layer by layer: from what is asked for to what the kernel does with a packet. Pure.
struct Reasons {
    var key: VirtualServer.Key
    var observed: ObservedVirtualServer?
    var realServers: [ObservedRealServer]
    var knowledge: AgentKnowledge
    var facts: NodeFactsRead
    /// What the agent says is failing or drifting; nil where none answered.
    var status: AgentStatus?

    /// What is wrong first.
    var findings: [Finding] {
        var findings = desired + kernelTable + members + address + sets + rules
        let node = Diagnosis(facts).findings.filter { $0.gravity != .good }
        findings += node.filter { isAbout($0) }
        return findings.worstFirst
    }

    /// Of the node's faults those that concern this virtual server.
    private func isAbout(_ finding: Finding) -> Bool {
        let masquerades = realServers.contains { $0.server.configuration.forwarding == .masquerade }
        switch finding.about {
        case "net.ipv4.ip_forward", "net.ipv4.vs.conntrack":
            return masquerades && key.family == .ipv4 || finding.about.hasSuffix("conntrack") && masquerades
        case "net.ipv6.conf.all.forwarding", "net.bridge.bridge-nf-call-ip6tables": return key.family == .ipv6
        case "net.bridge.bridge-nf-call-iptables": return key.family == .ipv4
        case "connection table", "conntrack", "kube-proxy", "other programs", "IPVS", "rp_filter": return true
        case "net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.expire_nodest_conn": return true
        case "net.ipv4.vs.expire_quiescent_template": return observed?.server.configuration.persistence != nil
        default: return false
        }
    }

    // MARK: What is asked for

    private var desired: [Finding] {
        if let absence = knowledge.absence { return [Finding(.unknown, "desired", "what is asked for is not known: \(absence)")] }
        var findings: [Finding] = []
        if let entry = knowledge[key] {
            switch entry.state {
            case .inForce: findings.append(Finding(.good, "desired", "it belongs to \(entry.service), and stands as it is wanted"))
            case .missing: findings.append(Finding(.wrong, "desired", "\(entry.service) wants it, and it does not stand"))
            case .different: findings.append(Finding(.wrong, "desired", "\(entry.service) wants it otherwise than it stands"))
            case .unknown, .taken:
                findings.append(Finding(.unknown, "desired", "it belongs to \(entry.service), and its state is not known"))
            }
        } else {
            findings.append(
                Finding(
                    observed == nil ? .wrong : .doubtful, "desired",
                    "the agent does not know of it: no Service that it balances has this address and port",
                    remedy: "see that the Service exists, and is not headless or another proxy's"))
        }
        let name = "\(key)"
        for failing in status?.failing.items ?? [] where failing.operation.contains(name) {
            findings.append(
                Finding(.wrong, "agent", "\(failing.operation) fails since \(failing.since): \(failing.message)", remedy: failing.remedy))
        }
        for drift in status?.drift.items ?? [] where drift.object.contains(name) {
            findings.append(
                Finding(.doubtful, "agent", "another program writes it again and again: \(drift.difference)", remedy: drift.remedy))
        }
        if let service = knowledge[key]?.service {
            for problem in status?.documents.items ?? [] where problem.place.contains(service) {
                findings.append(Finding(problem.isError ? .wrong : .doubtful, "documents", "\(problem.place): \(problem.message)"))
            }
        }
        return findings
    }

    // MARK: The kernel's table

    private var kernelTable: [Finding] {
        guard let observed else { return [Finding(.wrong, "kernel", "there is no such virtual server: packets go to the node itself")] }
        return [
            Finding(.good, "kernel", "it stands: \(observed.server.configuration), \(observed.statistics.connections) connections so far")
        ]
    }

    private var members: [Finding] {
        guard observed != nil else { return [] }
        guard !realServers.isEmpty else {
            return [
                Finding(
                    .wrong, "real servers", "there are none: connections are refused",
                    remedy: "see the Service's endpoints and their readiness")
            ]
        }
        var findings: [Finding] = []
        let inUse = realServers.filter { $0.server.configuration.weight > 0 }
        if inUse.isEmpty {
            findings.append(Finding(.wrong, "real servers", "all \(realServers.count) have weight 0: new connections are refused"))
        } else if inUse.count < realServers.count {
            findings.append(
                Finding(
                    .doubtful, "real servers",
                    "\(realServers.count - inUse.count) of \(realServers.count) have weight 0: they drain, or are down"))
        } else {
            findings.append(Finding(.good, "real servers", "\(inUse.count) take new connections"))
        }
        let full = inUse.filter { server in
            let limit = server.server.configuration.upperThreshold
            return limit > 0 && UInt64(server.connections.active) + UInt64(server.connections.inactive) >= UInt64(limit)
        }
        if !full.isEmpty {
            findings.append(
                Finding(
                    full.count == inUse.count ? .wrong : .doubtful, "thresholds",
                    "\(full.map { "\($0.server.key)" }.prefix(5).joined(separator: ", ")) \(full.count == 1 ? "has" : "have") reached the upper threshold"
                ))
        }
        if case .address(_, let port, _) = key, port != 0 {
            for server in realServers where server.server.key.port != port {
                switch server.server.configuration.forwarding {
                case .direct, .tunnel:
                    findings.append(
                        Finding(
                            .wrong, "real servers",
                            "\(server.server.key) has another port, which \(server.server.configuration.forwarding) cannot translate",
                            remedy: "give it port \(port), or masquerade"))
                default: break
                }
            }
        }
        let scheduler = observed?.server.configuration.scheduler
        if scheduler == .sourceHashing || scheduler == .maglevHashing, inUse.count < realServers.count || !full.isEmpty,
            observed?.server.configuration.schedulerFlags.contains(.fallback) == false
        {
            findings.append(
                Finding(
                    .doubtful, "scheduler",
                    "\(scheduler?.rawValue ?? "") without the flag fallback refuses clients whose server takes none",
                    remedy: "set the scheduler flag fallback"))
        }
        return findings
    }

    // MARK: The way in

    private var address: [Finding] {
        guard let address = key.address else { return [] }
        guard let view = facts.table else { return [Finding(.unknown, "address", "links cannot be read")] }
        if view.state.addresses.contains(address) { return [Finding(.good, "address", "\(address) is bound")] }
        if let link = view.state.otherAddresses[address] { return [Finding(.good, "address", "\(address) is held by \(link)")] }
        return [
            Finding(
                .wrong, "address", "no link of this node holds \(address): packets to it are not delivered here",
                remedy: "ip address add \(address)/\(address.family.bitWidth) dev \(NodeLinks.defaultName), or let the agent bind it")
        ]
    }

    private var sets: [Finding] {
        guard let view = facts.table, view.setProblem == nil else {
            return facts.table?.setProblem.map { [Finding(.unknown, "sets", $0)] } ?? []
        }
        guard !view.state.sets.isEmpty, key.address != nil else { return [] }
        let entries = view.entries(of: key)
        if !entries.isEmpty {
            let names = Set(entries.map(\.0.name)).sorted().joined(separator: ", ")
            let group = entries.lazy.compactMap { $0.0.set == .groupMark ? $0.1.mark : nil }.first
            return [Finding(.good, "sets", "it is in \(names)")]
                + (group.map { [Finding(.good, "group", "its port is one of a group: fwmark \($0) takes its packets, in its place")] } ?? [])
        }
        return [
            Finding(
                knowledge[key] == nil ? .doubtful : .wrong, "sets",
                "none holds it: packets are not masqueraded, and not let in where a firewall needs that")
        ]
    }

    private var rules: [Finding] {
        guard let rules = facts.rules else { return facts.ruleProblem.map { [Finding(.unknown, "rules", $0)] } ?? [] }
        guard let nat = rules[key.family]?.tables["nat"], nat.chains["KUBE-SERVICES"] != nil else {
            return [Finding(.doubtful, "rules", "our chains are not there: packets are not masqueraded")]
        }
        let jumps = Set(nat.jumps.map(\.chain))
        let lost = ["PREROUTING", "OUTPUT", "POSTROUTING"].filter { !jumps.contains($0) }
        guard lost.isEmpty else {
            return [
                Finding(
                    .wrong, "rules", "no rule leads from \(lost.joined(separator: ", ")) to our chains",
                    remedy: "the agent puts that back at its next look")
            ]
        }
        return [Finding(.good, "rules", "they stand, and are reached")]
    }
}
