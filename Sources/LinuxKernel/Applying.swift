import Addresses
import IPSets
import IPVS
import NodeKernel
import NodeModel
import PacketRules
import Sysctls

extension LinuxKernel {
    /// Neighbouring operations of one subsystem go to the kernel together.
    package func apply(_ operations: [Operation]) async -> [OperationFailure] {
        var failures: [OperationFailure] = []
        var rest = operations[...]
        while let first = rest.first {
            if first.ipvsOperation != nil {
                failures += applyIPVS(take(from: &rest) { $0.ipvsOperation != nil })
            } else if first.setChange != nil {
                failures += applyMembers(take(from: &rest) { $0.setChange != nil })
            } else if first.addressChange != nil {
                failures += applyAddresses(take(from: &rest) { $0.addressChange != nil })
            } else {
                rest.removeFirst()
                do throws(KernelFailure) {
                    try await applySingle(first)
                } catch {
                    failures.append(OperationFailure(first, error))
                }
            }
        }
        return failures
    }

    private func take(from rest: inout ArraySlice<Operation>, while belongs: (Operation) -> Bool) -> [Operation] {
        let run = rest.prefix(while: belongs)
        rest = rest.dropFirst(run.count)
        return Array(run)
    }

    private func applyIPVS(_ operations: [Operation]) -> [OperationFailure] {
        do throws(KernelFailure) {
            let failures = try withIPVS { (handle) throws(IPVSError) in handle.execute(operations.compactMap(\.ipvsOperation)) }
            return failures.map { OperationFailure(operations[$0.index], KernelFailure($0.error)) }
        } catch {
            return operations.map { OperationFailure($0, error) }
        }
    }

    private func applyMembers(_ operations: [Operation]) -> [OperationFailure] {
        do throws(KernelFailure) {
            let failures = try withSets { (session) throws(SetError) in session.change(operations.compactMap(\.setChange)) }
            return failures.map { OperationFailure(operations[$0.index], KernelFailure($0.error)) }
        } catch {
            return operations.map { OperationFailure($0, error) }
        }
    }
}
