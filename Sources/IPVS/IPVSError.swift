/// Something that IPVS did not do, or could not tell: the operation, the object, and what the kernel's answer means here.
public struct IPVSError: Error, Hashable, Sendable {
    /// What was being done: "add real server".
    public var operation: String

    /// What it was done to: "10.244.0.2:8080 of tcp 10.96.0.10:80"; empty where it is nothing in particular.
    public var object: String

    /// What the kernel's answer, or its absence, means.
    public var reason: Reason

    /// The kernel's number (`errno.h`), where it gave one.
    public var errno: Int32?

    /// The kernel's own words, where it had any.
    public var kernelMessage: String?

    /// An error of that operation.
    public init(operation: String, object: String = "", reason: Reason, errno: Int32? = nil, kernelMessage: String? = nil) {
        self.operation = operation
        self.object = object
        self.reason = reason
        self.errno = errno
        self.kernelMessage = kernelMessage
    }

    /// What an answer of the kernel means. The same number means different things with different operations.
    public enum Reason: Hashable, Sendable {
        /// The kernel has no IPVS, and could not load it.
        case unavailable
        /// IPVS is for those with CAP_NET_ADMIN in the initial user namespace, reading included.
        case notPermitted

        /// `ENOENT` about a virtual server: no such scheduler is loaded, nor could be.
        case unknownScheduler(Scheduler)
        /// `ENOENT` about a virtual server that has both: one of them is missing, and the kernel does not say which.
        case unknownSchedulerOrPersistenceEngine(Scheduler, String)

        case unknownVirtualServer(VirtualServer.Key)
        case unknownRealServer(RealServer.Key, of: VirtualServer.Key)
        case virtualServerExists(VirtualServer.Key)
        case realServerExists(RealServer.Key, of: VirtualServer.Key)

        /// `ERANGE`: a negative weight, or a lower threshold above the upper.
        case outOfRange
        /// `EINVAL`: the kernel does not take this combination of values.
        case invalid
        /// The kernel's IPVS was built without IPv6.
        case familyNotSupported(AddressFamily?)
        case outOfMemory

        /// Whether it was done is unknown: the answer was lost or did not come. Look again. The text says which.
        case outcomeUnknown(String)
        /// The table changed during every attempt to read it whole.
        case tableKeepsChanging
        /// The kernel's answer was not understood. The text says where.
        case malformedAnswer(String)
        /// There is no such network namespace. Those that `ip netns` knows are named, where they can be read.
        case unknownNamespace(NetworkNamespace, known: [String])
        /// The file stands for no network namespace.
        case notNamespace(NetworkNamespace)
        /// The name or path is none that a namespace could have; nothing was opened.
        case invalidNamespace(NetworkNamespace)

        /// There is no such network interface.
        case unknownInterface(String)
        /// `ENETUNREACH` about a synchronisation daemon: the interface is down, or has no way to the multicast group.
        case interfaceCannotSend(String)
        /// A synchronisation daemon of this role runs already; a namespace has at most one of each.
        case synchronizationRuns(SynchronizationDaemon.Role)
        /// No synchronisation daemon of this role runs.
        case synchronizationDoesNotRun(SynchronizationDaemon.Role)
        /// `EINVAL` about a synchronisation daemon: there is a real server of another address family than its virtual server, which the
        /// daemons' messages cannot express.
        case mixedFamilies
        /// A value that the kernel would refuse or misread; nothing was sent. The text says which.
        case invalidValue(String)

        /// A file or socket could not be opened or read. The text says which call failed.
        case system(String)
        /// A number that has no meaning of its own here.
        case other(Int32)
    }
}

/// An operation of a batch that failed. Those that are not among the failures were done.
public struct IPVSFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the batch the operation stands, from 0.
    public var index: Int
    /// What was asked for.
    public var operation: IPVSOperation
    /// Why it was not done.
    public var error: IPVSError

    /// The failure of the operation at that place in its batch.
    public init(index: Int, operation: IPVSOperation, error: IPVSError) {
        self.index = index
        self.operation = operation
        self.error = error
    }

    /// The error's own description, which names the operation and its object.
    public var description: String { error.description }
}
