import Foundation
import Testing

@testable import Sysctls

struct SysctlFilesTests {
    /// A directory that looks like `/proc/sys`, removed at the end.
    private func withRoot(_ body: (SysctlFiles, String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "sysctl-\(UUID())").path()
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(atPath: root + "/net/ipv4/vs", withIntermediateDirectories: true)
        try "0\n".write(toFile: root + "/net/ipv4/vs/conntrack", atomically: false, encoding: .utf8)
        try body(SysctlFiles(root: root), root)
    }

    @Test func readsWithoutTheNewlineAndWritesTheWholeValue() throws {
        try withRoot { files, root in
            #expect(try files.read("net.ipv4.vs.conntrack") == "0")
            try files.write("net.ipv4.vs.conntrack", "1")
            #expect(try files.read("net.ipv4.vs.conntrack") == "1")
            try "32768\t60999\n".write(toFile: root + "/net/ipv4/range", atomically: false, encoding: .utf8)
            #expect(try files.read("net.ipv4.range") == "32768\t60999")
            try String(repeating: "9", count: 100_000).write(toFile: root + "/net/ipv4/long", atomically: false, encoding: .utf8)
            #expect(try files.read("net.ipv4.long").count == 4096)
        }
    }

    @Test(arguments: [
        "", ".", "..", "net..ipv4", "net.ipv4.", ".net", "net/ipv4.x", "net.ipv4.vs/../../../etc.passwd", "net.ipv4.\0", "net.ip v4",
        "conntrack",
        String(repeating: "a.", count: 200) + "a",
    ])
    func refusesWhatIsNoName(name: String) throws {
        try withRoot { files, _ in
            #expect { _ = try files.read(name) } throws: { ($0 as? SysctlError)?.isName == false }
            #expect { try files.write(name, "1") } throws: { ($0 as? SysctlError)?.isName == false }
        }
    }

    @Test(arguments: [
        ("net.ipv4.vs.none", "ip_vs"), ("net.bridge.bridge-nf-call-iptables", "br_netfilter"),
        ("net.netfilter.nf_conntrack_max", "nf_conntrack"),
    ])
    func namesTheModuleThatMakesASetting(name: String, module: String) throws {
        try withRoot { files, _ in
            #expect { _ = try files.read(name) } throws: { ($0 as? SysctlError)?.remedy?.contains("modprobe \(module))") == true }
        }
    }

    @Test func saysWhatAContainerNeeds() {
        let error = SysctlError(.write("1"), "net.ipv4.ip_forward", errno: EROFS)
        #expect(error.description.hasPrefix("set sysctl net.ipv4.ip_forward = 1: Read-only file system. Run the container privileged"))
    }
}

@Suite(.enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"))
struct SysctlFilesKernelTests {
    @Test func writesWhatTheKernelThenShows() throws {
        let files = SysctlFiles()
        let before = try files.read("net.ipv4.ip_forward")
        let other = before == "1" ? "0" : "1"
        try files.write("net.ipv4.ip_forward", other)
        #expect(try files.read("net.ipv4.ip_forward") == other)
        try files.write("net.ipv4.ip_forward", before)
        #expect { try files.write("net.ipv4.ip_forward", "many") } throws: { ($0 as? SysctlError)?.errno == EINVAL }
        #expect { _ = try files.read("net.ipv4.no_such_setting") } throws: { ($0 as? SysctlError)?.errno == ENOENT }
    }
}
