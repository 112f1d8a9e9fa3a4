import IPVSModel
import NodeModel
import Planner
import ServiceModel
import Telemetry

/// The reconciler as questions see it, between two pieces of its work.
struct ReconcilerView: AgentView {
    let reconciler: Reconciler
    let currentStatus: () -> AgentStatus

    /// What can be judged.
    private var seen: ObservationScope {
        reconciler.hasLooked ? ObservationScope.everything.subtracting(reconciler.hiddenParts.scope) : []
    }

    func status() -> AgentStatus { currentStatus() }

    func serviceNames() -> [String] { reconciler.wanted.owners }

    func services(_ names: [String]) -> [ServiceReport] {
        let isSeen = seen.contains(.virtualServers)
        let catalog = reconciler.demand.catalog.services
        return names.compactMap { name in
            reconciler.wanted.share(of: name).map {
                ServiceReport(
                    name, ObjectName(name).flatMap { catalog[$0]?.labels } ?? [:], $0, wanted: reconciler.wanted,
                    observed: reconciler.picture.state, isSeen: isSeen)
            }
        }
    }

    func entrances(of services: [String]) -> [ServiceEntrances] {
        services.compactMap { service in
            reconciler.wanted.share(of: service).map { share in
                // One that an older Service has is that one's.
                let own = share.virtualServers.keys.filter { reconciler.wanted.claimants(of: $0).first == service }
                return ServiceEntrances(service: service, names: own.map(\.description))
            }
        }
    }

    func drift() -> DriftDocument {
        DriftDocument(
            time: .now, sweep: reconciler.lastSweep(), count: reconciler.ledger.waitingCount,
            items: reconciler.waitingDrifts(DriftDocument.limit).sorted { $0.object < $1.object })
    }

    func everything() throws(InquiryFailure) -> PlanSlices {
        guard reconciler.hasLooked else { throw .starting }
        return PlanSlices(wanted: reconciler.wanted, observed: reconciler.picture.state, seen: seen)
    }

    func differing(_ touched: Touched) -> Touched { reconciler.shownPlan(touched).touched }

    func plan(_ touched: Touched, isCutOff: Bool) -> PlanDocument {
        let operations = reconciler.shownPlan(touched).operations
        return PlanDocument(
            time: .now, sweep: reconciler.lastSweep(), count: operations.count, isCutOff: isCutOff || operations.count > PlanDocument.limit,
            operations: operations.prefix(PlanDocument.limit).map(\.description))
    }
}
