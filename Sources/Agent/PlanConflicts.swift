import NodeKernel
import NodeModel
import Planner

extension Plan.Conflict {
    /// What is not done because of it, and what helps.
    var failure: OperationFailure {
        switch self {
        case .heldAddress(let address, let link):
            OperationFailure(
                .addAddress(address),
                KernelFailure(
                    .conflict, "the link \(link) holds it, so nothing is balanced on it",
                    remedy: "Take it from that link (ip address show to \(address)), or give the Service another cluster IP"))
        case .othersVirtualServer(let server):
            OperationFailure(
                .addVirtualServer(server),
                KernelFailure(
                    .conflict, "a virtual server that is not the agent's stands there, and is left as it is",
                    remedy: "Remove it (ipvsadm -Ln shows it) or stop the program that keeps it, or give the Service another address"))
        }
    }
}
