package import NodeModel

/// Why something that was asked of the kernel did not happen, for a person.
package struct KernelFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var cause: Cause
    /// What happened, with the kernel's own words: `the kernel has no scheduler "foo" (No such file or directory)`.
    package var message: String
    /// What to do about it, where that is known.
    package var remedy: String?
    /// The kernel's error number, where there is one.
    package var errorNumber: Int32?

    package init(_ cause: Cause, _ message: String, remedy: String? = nil, errorNumber: Int32? = nil) {
        self.cause = cause
        self.message = message
        self.remedy = remedy
        self.errorNumber = errorNumber
    }

    package enum Cause: Hashable, Sendable {
        /// The process may not do this.
        case privilege
        /// The kernel, or a tool, lacks something: a module, a program.
        case missingFeature
        /// Something that is not ours stands in the way.
        case conflict
        /// It is there already, or not there any more: the picture of the kernel was out of date.
        case stale
        /// Memory, room in a set, time.
        case resource
        /// Another operation on which this one stands has failed.
        case dependency
        case other
    }

    package var description: String { remedy.map { "\(message). \($0)" } ?? message }
}

/// An operation that failed, and why.
package struct OperationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var operation: Operation
    package var failure: KernelFailure

    package init(_ operation: Operation, _ failure: KernelFailure) {
        self.operation = operation
        self.failure = failure
    }

    package var description: String { "cannot \(operation): \(failure)" }
}
