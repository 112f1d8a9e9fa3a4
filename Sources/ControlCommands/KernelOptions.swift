import ArgumentParser
import CommandSupport
import IPVS

/// Which network namespace's IPVS is meant, and the way to it.
struct KernelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A network namespace by its name (ip netns) or path.", valueName: "name|path"))
    var netns: String?

    /// Lets a block talk to the kernel, and turns what the kernel refuses into a sentence and an exit status.
    func withKernel<Value>(_ block: (inout IPVSHandle) throws(IPVSError) -> Value) throws -> Value {
        do throws(IPVSError) {
            var handle = try IPVSHandle(namespace: netns.map { NetworkNamespace($0) })
            return try block(&handle)
        } catch {
            throw CommandFailure(error.description, status: error.isUnavailable ? ExitStatus.unavailable : ExitStatus.failure)
        }
    }
}

extension IPVSError {
    fileprivate var isUnavailable: Bool {
        switch reason {
        case .unavailable, .notPermitted: true
        default: false
        }
    }
}
