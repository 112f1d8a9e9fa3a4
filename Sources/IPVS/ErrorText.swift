import NetlinkTransport

extension IPVSError: CustomStringConvertible {
    /// One line: what was being done, to what, why it failed, what helps.
    public var description: String {
        var text = operation
        if !object.isEmpty { text += " " + object }
        text += ": \(reason)"
        if let errno {
            text += " [\(ErrorNumber.text(errno))"
            if let kernelMessage { text += "; kernel: \(kernelMessage)" }
            text += "]"
        }
        if let remedy = reason.remedy { text += ". \(remedy)" }
        return text
    }
}

extension IPVSError.Reason: CustomStringConvertible {
    /// What happened, without what was being done: `the kernel has no scheduler foo`.
    public var description: String {
        switch self {
        case .unavailable: "the kernel has no IPVS"
        case .notPermitted: "not permitted"
        case .unknownScheduler(let scheduler): "the kernel has no scheduler \(scheduler)"
        case .unknownSchedulerOrPersistenceEngine(let scheduler, let engine):
            "the kernel has no scheduler \(scheduler) or no persistence engine \(engine)"
        case .unknownVirtualServer(let key): "there is no virtual server \(key)"
        case .unknownRealServer(let server, of: let key): "there is no real server \(server) of \(key)"
        case .virtualServerExists(let key): "there is a virtual server \(key) already"
        case .realServerExists(let server, of: let key): "there is a real server \(server) of \(key) already"
        case .outOfRange: "a weight is negative, or the lower threshold is above the upper"
        case .invalid: "the kernel does not take these values together"
        case .familyNotSupported(let family): "the kernel's IPVS has no \(family?.description ?? "such address family")"
        case .outOfMemory: "the kernel has no memory for it"
        case .outcomeUnknown(let text): "whether it was done is unknown, \(text)"
        case .tableKeepsChanging: "the table changed during every attempt to read it whole"
        case .malformedAnswer(let text): "the kernel's answer was not understood, \(text)"
        case .unknownNamespace(_, known: let names): "there is no such network namespace" + Self.list(names)
        case .notNamespace: "this is a file, but no network namespace"
        case .invalidNamespace(.name): "a namespace's name has 1 to 255 bytes, no slash, and is not . or .."
        case .invalidNamespace(.path): "a path has 1 to 4095 bytes"
        case .unknownInterface(let name): "there is no network interface \(name)"
        case .interfaceCannotSend(let name): "the interface \(name) is down, or has no way to the group"
        case .synchronizationRuns(let role): "a synchronization \(role) runs already"
        case .synchronizationDoesNotRun(let role): "no synchronization \(role) runs"
        case .mixedFamilies: "a real server has another address family than its virtual server, which cannot be synchronized"
        case .invalidValue(let text): text
        case .system(let text): text
        case .other(let number): ErrorNumber.text(number)
        }
    }

    /// `; there are blue, green and red`: no more than ten.
    private static func list(_ names: [String]) -> String {
        guard let last = names.last else { return "" }
        if names.count == 1 { return "; there is \(last)" }
        if names.count > 10 { return "; there are \(names[..<10].joined(separator: ", ")) and \(names.count - 10) more" }
        return "; there are \(names.dropLast().joined(separator: ", ")) and \(last)"
    }

    /// What the reader can do about it; nil where there is nothing but to look again.
    public var remedy: String? {
        switch self {
        case .unavailable:
            "Load it with `modprobe ip_vs` on the host, or use a kernel that was built with CONFIG_IP_VS"
        case .notPermitted:
            "CAP_NET_ADMIN is needed in the initial user namespace: run as root, and not in a rootless container"
        case .unknownScheduler(let scheduler):
            "Load it with `modprobe ip_vs_\(scheduler)` on the host, or choose another"
        case .unknownSchedulerOrPersistenceEngine(let scheduler, let engine):
            "Load them with `modprobe -a ip_vs_\(scheduler) ip_vs_pe_\(engine)` on the host, or choose others"
        case .notNamespace(.name(let name)):
            "`ip netns delete \(name)` removes what an interrupted `ip netns add` has left"
        case .interfaceCannotSend(let name): "Raise it first: `ip link set \(name) up`"
        case .synchronizationRuns: "Stop it first: a daemon that runs cannot be changed"
        case .familyNotSupported: "Use a kernel that was built with CONFIG_IP_VS_IPV6"
        default: nil
        }
    }
}
