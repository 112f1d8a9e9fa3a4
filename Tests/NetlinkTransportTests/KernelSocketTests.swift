import Foundation
import Glibc
import NetlinkCodec
import NetlinkTransport
import Synchronization
import Testing

/// Against the running kernel's own controller and loopback link, which need no privilege and exist everywhere.
@Suite struct KernelSocketTests {
    @Test func theControllerKnowsItself() throws {
        var socket = try NetlinkSocket(.generic)
        #expect(try socket.genericFamily(named: "nlctrl").number == GenericNetlinkController.family)
    }

    @Test func aFamilyThatNoKernelHas() throws {
        var socket = try NetlinkSocket(.generic)
        do throws(NetlinkError) {
            _ = try socket.genericFamily(named: "no-such-family")
            Issue.record("found")
        } catch {
            #expect(error.cause == .familyMissing("no-such-family"))
            #expect(error.description.contains("no-such-family"))
        }
    }

    /// `RTM_GETLINK` is 18, `struct ifinfomsg` 16 bytes, `IFLA_IFNAME` 3.
    static let links = NetlinkRequest("list links", type: 18) { $0.append(contentsOf: Array(repeating: 0, count: 16)) }

    @Test func dumpOfLinks() throws {
        var socket = try NetlinkSocket(.route)
        var names: [String] = []
        for _ in 0..<3 {
            names = []
            try socket.dump(Self.links) { _, payload throws(NetlinkDecodingError) in
                try payload.forEachAttribute(after: 16) { type, value throws(NetlinkDecodingError) in
                    if type == 3 { names.append(value.text()) }
                }
            }
        }
        #expect(names.contains("lo"))
        #expect(socket.statistics == NetlinkSocketStatistics(sends: 3, messages: 3))
    }

    @Test("A batch of requests that all fail has each its own error")
    func batch() throws {
        var socket = try NetlinkSocket(.generic)
        let requests = (0..<500).map { index in
            NetlinkRequest(
                "look up \(index)", family: GenericNetlinkController.family,
                header: GenericNetlinkHeader(command: GenericNetlinkController.Command.getFamily, version: 2)
            ) { $0.attribute(GenericNetlinkController.Attribute.familyName, index == 250 ? "nlctrl" : "none-\(index)") }
        }
        let results = socket.execute(requests)
        #expect(results.count == 500)
        #expect(results.indices.filter { results[$0] == nil } == [250])
        #expect(results[7]?.errno == ENOENT)
        #expect(results[7]?.operation == "look up 7")
        #expect(socket.statistics.sends == 3)
    }

    @Test func noAnnouncementWithinTheTime() throws {
        var socket = try NetlinkSocket(.route)
        let start = ContinuousClock.now
        #expect(try socket.announcements(within: .milliseconds(30)) == [])
        #expect(ContinuousClock.now - start >= .milliseconds(30))
    }

    @Test func socketsAreClosed() throws {
        let before = try NetlinkSocket(.generic).fileDescriptor
        for _ in 0..<100 { _ = try NetlinkSocket(.generic) }
        #expect(try NetlinkSocket(.generic).fileDescriptor <= before + 32)
    }

    @Test func aNamespaceThatIsNotThere() {
        do throws(NetlinkError) {
            _ = try NetlinkSocket(.route, inNamespaceAt: "/proc/self/no-such-file")
            Issue.record("entered")
        } catch {
            #expect(error.errno == ENOENT)
            #expect(error.operation.contains("/proc/self/no-such-file"))
        }
    }

    @Test("A file that is not a network namespace is refused", .enabled(if: geteuid() == 0, "setns needs root"))
    func notANetworkNamespace() {
        do throws(NetlinkError) {
            _ = try NetlinkSocket(.route, inNamespaceAt: "/proc/self/ns/mnt")
            Issue.record("entered")
        } catch {
            #expect(error.errno == EINVAL)
        }
    }

    @Test("Entering a namespace leaves the caller where it was", .enabled(if: geteuid() == 0, "setns needs root"))
    func ownNamespace() throws {
        var socket = try NetlinkSocket(.route, inNamespaceAt: "/proc/self/ns/net")
        var count = 0
        try socket.dump(Self.links) { _, _ in count += 1 }
        #expect(count > 0)
    }
}

/// Signals that come all the time to one thread, so that what waits in it is interrupted (`EINTR`).
private final class SignalStorm: Sendable {
    private let isOver = Mutex(false)

    /// Runs `body` while they come.
    func during(_ body: () throws -> Void) rethrows {
        // Without SA_RESTART, so that whatever can be interrupted is.
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in }
        unsafe sigaction(SIGUSR1, &action, nil)
        let target = pthread_self()
        let thread = Thread {
            while !self.isOver.withLock({ $0 }) {
                pthread_kill(target, SIGUSR1)
                usleep(100)
            }
        }
        thread.start()
        defer {
            isOver.withLock { $0 = true }
            while !thread.isFinished { usleep(100) }
        }
        try body()
    }
}

@Suite struct InterruptedSocketTests {
    @Test("Interrupted waits go on, to their end and no longer")
    func waits() throws {
        try SignalStorm().during {
            var socket = try NetlinkSocket(.route)
            let start = ContinuousClock.now
            #expect(try socket.announcements(within: .milliseconds(200)) == [])
            #expect(ContinuousClock.now - start >= .milliseconds(200))
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("Batches and dumps come through a storm of signals")
    func exchanges() throws {
        try SignalStorm().during {
            var socket = try NetlinkSocket(.generic)
            var links = try NetlinkSocket(.route)
            for _ in 0..<20 {
                let results = socket.execute(
                    (0..<300).map { index in
                        NetlinkRequest(
                            "look up \(index)", family: GenericNetlinkController.family,
                            header: GenericNetlinkHeader(command: GenericNetlinkController.Command.getFamily, version: 2)
                        ) { $0.attribute(GenericNetlinkController.Attribute.familyName, index % 2 == 0 ? "nlctrl" : "none") }
                    })
                #expect(results.enumerated().allSatisfy { $1?.errno == ($0 % 2 == 0 ? nil : ENOENT) })
                var count = 0
                try links.dump(KernelSocketTests.links) { _, _ in count += 1 }
                #expect(count > 0)
            }
        }
    }
}
