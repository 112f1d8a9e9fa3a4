import NodeModel

/// The two ways in which iptables' tools speak to the kernel. Rules of both act at the same time.
package enum RuleBackEnd: String, Hashable, Sendable, CaseIterable {
    /// The `ip_tables` modules.
    case legacy
    /// nf_tables, with the same matches and targets behind it.
    case nft

    package var other: RuleBackEnd { self == .legacy ? .nft : .legacy }
}

/// Which back end to use: a setting.
package enum RuleBackEndSetting: String, Hashable, Sendable, CaseIterable {
    /// By what is in use, then by what `iptables` is on this machine, then by what works.
    case auto
    case legacy
    case nft
}

/// Something about the machine's rules that its operator should know.
package enum RuleWarning: Hashable, Sendable, CustomStringConvertible {
    /// Both back ends hold rules of others; only one of them is ours.
    case bothBackEndsInUse(chosen: RuleBackEnd, others: Int)
    /// The back end that we do not use holds chains of ours, from an earlier start or from kube-proxy. They act all the same.
    case ownChainsInOtherBackEnd(RuleBackEnd)

    package var description: String {
        switch self {
        case .bothBackEndsInUse(let chosen, let others):
            "rules stand in both back ends of iptables, and both act: \(chosen.rawValue) is used, \(others) rules and chains are in "
                + "\(chosen.other.rawValue)"
        case .ownChainsInOtherBackEnd(let backEnd):
            "chains of ours stand in the \(backEnd.rawValue) back end too, where they are not kept up: "
                + "remove them with iptables-\(backEnd.rawValue) or run cleanup with that back end"
        }
    }
}

/// What was seen in one back end, over all families.
package struct BackEndSurvey: Equatable, Sendable {
    /// Its tools are installed and printed what they hold.
    package var answers = false
    package var hasKubeletMark = false
    /// Rules and chains of others.
    package var others = 0
    package var hasOwnChains = false
    /// Chains of kube-proxy's iptables mode.
    package var iptablesModeChains = 0

    package init() {}

    mutating func add(_ text: RuleSaveText) {
        answers = true
        hasKubeletMark = hasKubeletMark || text.hasKubeletMark
        others += text.othersCount
        iptablesModeChains += text.iptablesModeChains
        hasOwnChains = hasOwnChains || text.own.tables.values.contains { !$0.chains.isEmpty }
    }
}

/// The choice between the back ends, as the wrapper scripts of Kubernetes' own images make it (kubernetes-sigs/iptables-wrappers):
/// kubelet's mark decides, then the greater number of rules; then what the machine's `iptables` is.
enum BackEndChoice {
    /// The back ends in the order in which they should be tried.
    static func order(
        _ surveys: [RuleBackEnd: BackEndSurvey], machineDefault: RuleBackEnd?, setting: RuleBackEndSetting
    ) -> [RuleBackEnd] {
        switch setting {
        case .legacy: return [.legacy]
        case .nft: return [.nft]
        case .auto: break
        }
        let (legacy, nft) = (surveys[.legacy] ?? BackEndSurvey(), surveys[.nft] ?? BackEndSurvey())
        let first: RuleBackEnd =
            if legacy.answers != nft.answers {
                legacy.answers ? .legacy : .nft
            } else if legacy.hasKubeletMark != nft.hasKubeletMark {
                legacy.hasKubeletMark ? .legacy : .nft
            } else if legacy.others != nft.others {
                legacy.others > nft.others ? .legacy : .nft
            } else if legacy.hasOwnChains != nft.hasOwnChains {
                // Nobody else has rules: stay where we were.
                legacy.hasOwnChains ? .legacy : .nft
            } else {
                machineDefault ?? .nft
            }
        return [first, first.other]
    }

    static func warnings(_ surveys: [RuleBackEnd: BackEndSurvey], chosen: RuleBackEnd) -> [RuleWarning] {
        guard let other = surveys[chosen.other] else { return [] }
        var warnings: [RuleWarning] = []
        if other.others > 0 { warnings.append(.bothBackEndsInUse(chosen: chosen, others: other.others)) }
        if other.hasOwnChains { warnings.append(.ownChainsInOtherBackEnd(chosen.other)) }
        return warnings
    }
}
