import NetlinkCodec
import NetlinkTransport

extension IPVSHandle {
    /// Starts a synchronisation daemon in this handle's network namespace. It runs until it is stopped, or the namespace goes.
    ///
    /// - Throws: `synchronizationRuns` where there is one of this role, `unknownInterface`, `interfaceCannotSend`, `mixedFamilies`, or `invalidValue`.
    public mutating func startSynchronization(_ daemon: SynchronizationDaemon) throws(IPVSError) {
        let operation = "start synchronization"
        if let problem = daemon.problem {
            throw IPVSError(operation: operation, object: "\(daemon)", reason: .invalidValue(problem))
        }
        let request = synchronizing(operation, Command.newDaemon) { $0.daemon(daemon) }
        do throws(NetlinkError) {
            _ = try socket.request(request)
        } catch {
            throw IPVSError(error, about: daemon)
        }
    }

    /// Stops the synchronisation daemon of a role. Connections that it brought stay.
    ///
    /// - Throws: `synchronizationDoesNotRun` where there is none.
    public mutating func stopSynchronization(_ role: SynchronizationDaemon.Role) throws(IPVSError) {
        let request = synchronizing("stop synchronization", Command.deleteDaemon) { $0.daemon(role) }
        do throws(NetlinkError) {
            try stop(request)
        } catch {
            // A thread that is stopped before it has begun returns EINTR (`kthread` in kernel/kthread.c), which is the one number that
            // netlink does not answer with (`netlink_rcv_skb` in net/netlink/af_netlink.c). So silence may mean that it was done.
            if case .timedOut = error.cause, try !synchronizationDaemons().contains(where: { $0.role == role }) { return }
            throw IPVSError(error, stopping: role)
        }
    }

    /// The kernel has stopped the thread, and has answered if it will, when the request has been sent: there is nothing to wait for.
    private mutating func stop(_ request: NetlinkRequest) throws(NetlinkError) {
        let timeout = socket.timeout
        socket.timeout = .milliseconds(500)
        defer { socket.timeout = timeout }
        _ = try socket.request(request)
    }

    /// The synchronisation daemons that run, as the kernel has them: at most one of each role, the master first.
    public mutating func synchronizationDaemons() throws(IPVSError) -> [SynchronizationDaemon] {
        var daemons: [SynchronizationDaemon] = []
        do throws(NetlinkError) {
            try socket.dump(reading("list synchronization daemons", Command.getDaemon)) { _, payload throws(NetlinkDecodingError) in
                if let daemon = try MessageDecoding.daemon(payload) { daemons.append(daemon) }
            }
        } catch {
            throw IPVSError(error)
        }
        return daemons.sorted { $0.role < $1.role }
    }

    private func synchronizing(_ operation: String, _ command: UInt8, encode: (inout NetlinkEncoder) -> Void) -> NetlinkRequest {
        NetlinkRequest(
            operation, family: family, header: GenericNetlinkHeader(command: command, version: FamilyNumbers.version), encode: encode)
    }
}

/// What the kernel's numbers mean of daemons. Read in `ip_vs_genl_new_daemon` (`net/netfilter/ipvs/ip_vs_ctl.c`), `start_sync_thread` and
/// `stop_sync_thread` (`ip_vs_sync.c`) of Linux 6.1.
extension IPVSError {
    fileprivate init(_ error: NetlinkError, about daemon: SynchronizationDaemon) {
        var reason = Reason(error.cause, family: daemon.group.family)
        if case .refused(let answer) = error.cause {
            switch answer.errno {
            case 17: reason = .synchronizationRuns(daemon.role)  // EEXIST
            case 19: reason = .unknownInterface(daemon.interface)  // ENODEV
            case 101: reason = .interfaceCannotSend(daemon.interface)  // ENETUNREACH
            case 22: reason = .mixedFamilies  // EINVAL: whatever else gives it is checked before
            default: break
            }
        }
        self.init(
            operation: error.operation, object: "\(daemon)", reason: reason, errno: error.errno, kernelMessage: error.kernelMessage)
    }

    fileprivate init(_ error: NetlinkError, stopping role: SynchronizationDaemon.Role) {
        var reason = Reason(error.cause)
        // ESRCH
        if case .refused(let answer) = error.cause, answer.errno == 3 { reason = .synchronizationDoesNotRun(role) }
        self.init(operation: error.operation, object: "\(role)", reason: reason, errno: error.errno, kernelMessage: error.kernelMessage)
    }
}
