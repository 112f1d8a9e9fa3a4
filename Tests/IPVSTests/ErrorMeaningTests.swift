import IPVS
import Testing

@Suite struct ErrorMeaningTests {
    static let key = VirtualServer.Key.address(IPAddress(ipv4: 0x0a60_0001), port: 80, .tcp)
    static let virtual = VirtualServer(key, .init(scheduler: .maglevHashing))
    static let sip = VirtualServer(
        .address(IPAddress(ipv4: 0x0a60_0001), port: 5060, .udp), .init(scheduler: .roundRobin, persistenceEngine: "sip"))
    static let real = RealServer(.init(IPAddress(ipv4: 0x0af4_0002), port: 8080), .init())

    @Test(
        "The same number means different things",
        arguments: [
            (.addVirtualServer(virtual), 2, .unknownScheduler(.maglevHashing)),
            (.updateVirtualServer(virtual), 2, .unknownScheduler(.maglevHashing)),
            (.addVirtualServer(sip), 2, .unknownSchedulerOrPersistenceEngine(.roundRobin, "sip")),
            (.addVirtualServer(virtual), 17, .virtualServerExists(key)),
            (.updateVirtualServer(virtual), 3, .unknownVirtualServer(key)),
            (.removeVirtualServer(key), 3, .unknownVirtualServer(key)),
            (.zero(key), 3, .unknownVirtualServer(key)),
            (.addRealServer(real, to: key), 3, .unknownVirtualServer(key)),
            (.addRealServer(real, to: key), 17, .realServerExists(real.key, of: key)),
            (.updateRealServer(real, of: key), 2, .unknownRealServer(real.key, of: key)),
            (.removeRealServer(real.key, from: key), 2, .unknownRealServer(real.key, of: key)),
            (.addRealServer(real, to: key), 34, .outOfRange),
            (.addRealServer(real, to: key), 22, .invalid),
            (.addVirtualServer(virtual), 12, .outOfMemory),
            (.addVirtualServer(virtual), 97, .familyNotSupported(.ipv4)),
            (.flush, 1, .notPermitted),
            (.setTimeouts(.init()), 22, .invalid),
            (.flush, 2, .other(2)),
            (.removeVirtualServer(key), 2, .other(2)),
            (.flush, 16, .other(16)),
        ] as [(IPVSOperation, Int32, IPVSError.Reason)])
    func meaning(operation: IPVSOperation, errno: Int32, reason: IPVSError.Reason) {
        let error = IPVSError(operation, errno: errno)
        #expect(error.reason == reason)
        #expect(error.errno == errno)
        #expect(error.operation == operation.name)
    }

    @Test(
        "An error says what, to what, why, and what helps",
        arguments: [
            (
                IPVSError(.addVirtualServer(virtual), errno: 2),
                """
                add virtual server tcp 10.96.0.1:80: the kernel has no scheduler mh [ENOENT, No such file or directory]. \
                Load it with `modprobe ip_vs_mh` on the host, or choose another
                """
            ),
            (
                IPVSError(.removeRealServer(real.key, from: key), errno: 2, kernelMessage: "gone"),
                """
                remove real server 10.244.0.2:8080 of tcp 10.96.0.1:80: there is no real server 10.244.0.2:8080 of tcp 10.96.0.1:80 \
                [ENOENT, No such file or directory; kernel: gone]
                """
            ),
            (
                IPVSError(.flush, errno: 1),
                """
                remove all virtual servers: not permitted [EPERM, Operation not permitted]. CAP_NET_ADMIN is needed in the initial user \
                namespace: run as root, and not in a rootless container
                """
            ),
        ])
    func text(error: IPVSError, expected: String) {
        #expect(error.description == expected)
    }

    @Test func operationsDescribeThemselves() {
        #expect(IPVSOperation.flush.description == "remove all virtual servers")
        #expect(IPVSOperation.zero(nil).description == "zero counters")
        #expect(IPVSOperation.zero(Self.key).description == "zero counters tcp 10.96.0.1:80")
        #expect(
            IPVSOperation.addRealServer(Self.real, to: Self.key).description
                == "add real server 10.244.0.2:8080 of tcp 10.96.0.1:80")
    }
}
