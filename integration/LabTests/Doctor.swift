import Foundation
import Testing

extension LabTests {
    /// What `ipvsctl doctor` finds on a node where something was broken for it to find.
    @Suite @MainActor struct Doctor {
        private struct Listing: Decodable {
            var items: [Finding]

            struct Finding: Decodable {
                var gravity: String
                var about: String
                var message: String
                var remedy: String?
            }
        }

        private static func findings(_ sourceLocation: SourceLocation = #_sourceLocation) async throws -> [Listing.Finding] {
            let result = try await Program.run(Laboratory.control, "doctor", "--all", "-o", "json", "--netns", "n1", "--no-agent")
            let listing = try JSONDecoder().decode(Listing.self, from: Data(result.output.utf8))
            #expect(
                (result.status == 1) == listing.items.contains { $0.gravity == "wrong" }, "\(result.text)", sourceLocation: sourceLocation)
            return listing.items
        }

        /// Each fault: how it is made, how it is undone, what is found, and how grave it is. With the fault undone it is found no more.
        private static let faults: [(about: String, gravity: String, make: String, undo: String)] = [
            ("net.ipv4.ip_forward", "wrong", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"),
            ("net.ipv4.vs.conntrack", "wrong", "sysctl -qw net.ipv4.vs.conntrack=0", "sysctl -qw net.ipv4.vs.conntrack=1"),
            (
                "net.ipv4.vs.conn_reuse_mode", "wrong", "sysctl -qw net.ipv4.vs.conn_reuse_mode=0",
                "sysctl -qw net.ipv4.vs.conn_reuse_mode=1"
            ),
            (
                "net.ipv4.vs.expire_nodest_conn", "doubtful", "sysctl -qw net.ipv4.vs.expire_nodest_conn=0",
                "sysctl -qw net.ipv4.vs.expire_nodest_conn=1"
            ),
            ("run_estimation", "doubtful", "sysctl -qw net.ipv4.vs.run_estimation=0", "sysctl -qw net.ipv4.vs.run_estimation=1"),
            ("rp_filter", "doubtful", "sysctl -qw net.ipv4.conf.all.rp_filter=1", "sysctl -qw net.ipv4.conf.all.rp_filter=0"),
            ("arp_ignore", "doubtful", "ip link add odd0 type dummy; ip link set odd0 arp on up", "ip link del odd0"),
            (
                "arp_announce", "doubtful", "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=0",
                "sysctl -qw net.ipv4.conf.all.arp_ignore=0"
            ),
            (
                "net.bridge.bridge-nf-call-iptables", "wrong", "sysctl -qw net.bridge.bridge-nf-call-iptables=0",
                "sysctl -qw net.bridge.bridge-nf-call-iptables=1"
            ),
            (
                "kube-proxy's iptables mode", "wrong",
                "printf '*nat\\n:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]\\n:KUBE-SEP-ABCDEFGHIJKLMNOP - [0:0]\\nCOMMIT\\n' | RESTORE --noflush",
                "printf '*nat\\n-X KUBE-SVC-ABCDEFGHIJKLMNOP\\n-X KUBE-SEP-ABCDEFGHIJKLMNOP\\nCOMMIT\\n' | RESTORE --noflush"
            ),
        ]

        @Test func everyFaultIsFoundWithItsRemedy() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let once = try await scene.run("run", "--once")
                #expect(once.status == 0, "\(once.text)")
                let before = try await Self.findings()
                for fault in Self.faults {
                    #expect(before.allSatisfy { $0.about != fault.about || $0.gravity == "good" }, "\(fault.about): \(before)")
                    func shell(_ text: String) async throws {
                        try await Program.script(text.replacing("RESTORE", with: Laboratory.tool("iptables", "restore")), in: "n1")
                    }
                    try await shell(fault.make)
                    let found = try await Self.findings()
                    let finding = found.first { $0.about == fault.about && $0.gravity == fault.gravity }
                    #expect(finding?.remedy?.isEmpty == false, "\(fault.about): \(found)")
                    try await shell(fault.undo)
                }
                let after = try await Self.findings()
                #expect(after.map(\.about) == before.map(\.about), "what was undone is found no more")
            }
        }
    }
}
