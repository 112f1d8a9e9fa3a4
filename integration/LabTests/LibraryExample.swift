import Foundation
import Testing

extension LabTests {
    /// The library's example, which is also what its tutorial builds.
    @Suite @MainActor struct LibraryExample {
        @Test("The small load balancer balances, shows it, and clears up")
        func balancer() async throws {
            try await Scene.with(.bridge) { scene in
                // What stands between its start and the return key is asked for by a client outside.
                let shown = try await Program.script(
                    """
                    cd "$(mktemp -d)"
                    mkfifo keys
                    nsenter --net=/run/netns/n1 ip address add 10.96.0.99/32 dev lo
                    \(Laboratory.balancer) --netns n1 10.96.0.99:80 10.244.0.11:8080 10.244.0.12:8080 <keys >output 2>&1 &
                    exec 3>keys
                    for _ in $(seq 50); do nsenter --net=/run/netns/n1 ipvsadm -Sn | grep -q 10.244.0.12:8080 && break; sleep 0.1; done
                    echo "--- clients"
                    nsenter --net=/run/netns/outside \(Laboratory.peer) get 10.96.0.99 80 --count 4 --summary
                    echo "--- while it runs"
                    nsenter --net=/run/netns/n1 ipvsadm -Sn
                    echo >&3
                    wait $!
                    echo "--- after it"
                    nsenter --net=/run/netns/n1 ipvsadm -Sn
                    nsenter --net=/run/netns/n1 ip address delete 10.96.0.99/32 dev lo
                    echo "--- what it said"
                    cat output
                    """)
                let parts = shown.components(separatedBy: "--- ")
                #expect(parts.count == 5, "\(shown)")
                guard parts.count == 5 else { return }
                #expect(parts[1].contains("2 web-1") && parts[1].contains("2 web-2"), "\(shown)")
                #expect(parts[2].contains("-A -t 10.96.0.99:80 -s wrr") && parts[2].contains("-r 10.244.0.12:8080 -m -w 10"), "\(shown)")
                #expect(!parts[3].contains("10.96.0.99"), "\(shown)")
                let lines = parts[4].split(separator: "\n").map(String.init)
                #expect(lines[1].hasPrefix("IPVS 1.2.1"), "\(shown)")
                #expect(lines.contains { $0.hasPrefix("tcp 10.96.0.99:80  wrr  ") }, "\(shown)")
                let connections = lines.filter { $0.hasPrefix("    TCP 192.0.2.100:") && $0.contains("to 10.96.0.99:80 at 10.244.0.1") }
                #expect(connections.count == 4, "\(shown)")
            }
        }

        @Test("What it does not understand it says")
        func usage() async throws {
            for words in [[], ["10.96.0.99:80"], ["10.96.0.99:80", "nowhere"], ["--netns", "n1"]] {
                let result = try await Program([Laboratory.balancer] + words).result()
                #expect(result.status == 2 && result.output.hasPrefix("usage: balancer"))
            }
            let result = try await Program.run(Laboratory.balancer, "--netns", "no-such-node", "10.96.0.99:80", "10.244.0.11:8080")
            #expect(result.status == 1)
            #expect(
                result.output.hasPrefix("enter the network namespace no-such-node: there is no such network namespace"), "\(result.text)")
        }
    }
}
