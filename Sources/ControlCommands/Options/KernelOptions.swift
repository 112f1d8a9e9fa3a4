import ArgumentParser
import CommandSupport
import Glibc
import IPVS

/// Which network namespace is meant, and the way to its kernel state.
struct KernelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A network namespace by its name (ip netns) or path.", valueName: "name|path"))
    var netns: String?

    /// Lets a block talk to the kernel, and turns what the kernel refuses into a sentence and an exit status.
    func withKernel<Value>(_ block: (inout IPVSHandle) throws(IPVSError) -> Value) throws -> Value {
        do throws(IPVSError) {
            var handle = try IPVSHandle()
            return try block(&handle)
        } catch {
            throw CommandFailure(error)
        }
    }
}

extension CommandFailure {
    init(_ error: IPVSError) {
        self.init(error.description, status: error.isUnavailable ? ExitStatus.unavailable : ExitStatus.failure)
    }
}

extension IPVSError {
    var isUnavailable: Bool {
        switch reason {
        case .unavailable, .notPermitted: true
        default: false
        }
    }
}

/// A command that looks into one network namespace. It is entered before anything else is done, while the process has one thread: those that
/// come later, and the programs that are started, are in it then, too (`setns(2)` moves the calling thread only).
protocol NamespaceCommand: ParsableArguments {
    var kernel: KernelOptions { get }
}

extension NamespaceCommand {
    func enterNamespace() throws {
        guard let name = kernel.netns else { return }
        do throws(IPVSError) {
            try NetworkNamespace(name).enter()
        } catch {
            throw CommandFailure(error)
        }
    }
}
