import Testing

extension LabTests {
    /// What others keep in the kernel, beside and among what is ours: nothing that the agent does changes a byte of it.
    @Suite @MainActor struct Others {
        /// Virtual servers, addresses, sets, chains and rules of others, some with names and places much like ours.
        private static let made = """
            ipvsadm -R <<'END'
            -A -t 198.51.100.7:80 -s wlc -p 300
            -a -t 198.51.100.7:80 -r 198.51.100.8:80 -g -w 3
            -A -t 10.96.200.1:80 -s sh -b sh-port
            -a -t 10.96.200.1:80 -r 10.244.0.11:8080 -m -w 1
            -A -t 192.0.2.10:30999 -s rr
            -A -u 10.96.250.1:53 -s rr
            -A -f 77 -s rr
            -a -f 77 -r 10.244.0.12:0 -m -w 2
            -A -t [2001:db8:9::7]:80 -s rr
            -A -f 77 -6 -s rr
            END
            ip link add lb0 type dummy
            ip address add 198.51.100.7/32 dev lb0
            ip address add 10.96.200.9/32 dev lb0
            ip link add kube-ipvs0 type dummy
            ip link set kube-ipvs0 arp off
            ip address add 10.96.250.1/32 dev kube-ipvs0
            ip address add 203.0.113.5/24 dev kube-ipvs0
            ipset restore <<'END'
            create MINE hash:ip
            add MINE 198.51.100.9
            create KUBE-CLUSTER-IPS hash:ip,port
            add KUBE-CLUSTER-IPS 10.96.0.20,tcp:80
            create KUBE-6-NODE-PORT hash:ip family inet6
            create kube-cluster-ip bitmap:port range 0-65535
            add kube-cluster-ip 80
            END
            for tool in iptables-legacy ip6tables-legacy; do
                $tool-restore --noflush <<'END'
            *mangle
            :KUBE-KUBELET-CANARY - [0:0]
            :KUBE-IPTABLES-HINT - [0:0]
            COMMIT
            *nat
            :KUBE-KUBELET-CANARY - [0:0]
            :KUBE-SVC-ABCDEFGH - [0:0]
            :THEIRS - [0:0]
            -A PREROUTING -p tcp -m tcp --dport 8443 -j THEIRS
            -A OUTPUT -p tcp -m tcp --dport 8444 -j THEIRS
            -A POSTROUTING -m comment --comment "leads to -j KUBE-POSTROUTING" -j THEIRS
            -A THEIRS -p udp -j RETURN
            -A KUBE-SVC-ABCDEFGH -j RETURN
            COMMIT
            *filter
            :KUBE-FIREWALL - [0:0]
            :KUBE-KUBELET-CANARY - [0:0]
            -A INPUT -j KUBE-FIREWALL
            -A INPUT -p tcp -m tcp --dport 23 -j DROP
            -A FORWARD -p tcp -m tcp --dport 25 -j REJECT --reject-with tcp-reset
            -A OUTPUT -j KUBE-FIREWALL
            -A KUBE-FIREWALL -m comment --comment "kubernetes firewall" -m mark --mark 0x8000/0x8000 -j DROP
            COMMIT
            END
            done
            """

        /// More rules of others, before and after ours.
        private static let madeLater = """
            for tool in iptables-legacy ip6tables-legacy; do
                $tool -I INPUT -p tcp -m tcp --dport 24 -j ACCEPT
                $tool -A INPUT -p tcp -m tcp --dport 26 -j ACCEPT
                $tool -t nat -I PREROUTING -p tcp -m tcp --dport 27 -j ACCEPT
                $tool -t nat -A PREROUTING -p tcp -m tcp --dport 28 -j ACCEPT
            done
            """

        private static let removed = """
            ipvsadm -C
            ip link del lb0; ip link del kube-ipvs0
            for tool in iptables-legacy ip6tables-legacy; do for table in nat filter mangle; do $tool -t $table -F; $tool -t $table -X; done; done
            for set in MINE KUBE-CLUSTER-IPS KUBE-6-NODE-PORT kube-cluster-ip; do ipset destroy $set; done
            """

        /// All that stands, as the tools of others print it; counters and lifetimes left out. Entries of sets are shown in no order.
        private static func everything() async throws -> [String] {
            try await Program.script(
                """
                ipvsadm -Sn
                ip -o address show | sed 's/^[0-9]*: //; s/ *valid_lft.*//'
                ip -o -d link show kube-ipvs0 2>/dev/null | sed 's/^[0-9]*: //' || true
                ipset save | sort
                for tool in iptables-legacy ip6tables-legacy; do
                    echo "$tool"
                    $tool-save | sed '/^#/d; s/ \\[.*//'
                done
                """, in: "n1"
            ).split(separator: "\n").map(String.init)
        }

        /// What is left of that without the lines that speak of ours.
        private static func others(_ lines: [String]) -> [String] {
            let words = [
                "10.96.0.20", "fd00:10:96::20", "KUBE-SERVICES", "KUBE-MARK-MASQ", "KUBE-LOAD-BALANCER", "KUBE-NODE-PORT", "KUBE-FORWARD",
                "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL", "IPVS-AGENT-", "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER",
                "10.96.0.30",
            ]
            return lines.filter { line in
                if line.hasPrefix("create ") || line.hasPrefix("add ") {
                    let name = line.split(separator: " ")[1]
                    return ["MINE", "KUBE-CLUSTER-IPS", "KUBE-6-NODE-PORT", "kube-cluster-ip"].contains(name)
                }
                if line.contains("-j THEIRS") { return true }
                return !words.contains { line.contains($0) } && !line.contains("KUBE-POSTROUTING")
            }
        }

        private static func expectSame(
            _ lines: [String], _ before: [String], _ when: String, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let difference = lines.difference(from: before).map { change in
                switch change {
                case .insert(_, let line, _): "+ \(line)"
                case .remove(_, let line, _): "- \(line)"
                }
            }
            #expect(difference == [], "\(when)", sourceLocation: sourceLocation)
        }

        @Test func nothingOfOthersIsTouched() async throws {
            var service = ServiceManifest()
            service.addresses = ["10.96.0.20", "fd00:10:96::20"]
            service.endpoints = Topology.endpoints4 + Topology.endpoints6
            let other = ServiceManifest(name: "other", addresses: ["10.96.0.30"])
            try await Scene.with(.bridge, [service, other]) { scene in
                try await Program.script(Self.made, in: "n1")
                let before = try await Self.everything()
                scene.flags = ["--ipvs-exclude-cidrs", "10.96.250.0/24", "--iptables-backend", "legacy"]

                let agent = try await scene.startAgent("--ipvs-sync-period", "1s")
                #expect(try await scene.ask("10.96.0.20", count: 4).counts.count == 4)
                Self.expectSame(Self.others(try await Self.everything()), Self.others(before), "after the start")
                try await Program.script(Self.madeLater, in: "n1")
                let later = Self.others(try await Self.everything())

                try scene.manifests.remove("other.yaml")
                try await scene.untilTable(has: "10.96.0.30", false)
                Self.expectSame(Self.others(try await Self.everything()), later, "after a change")

                // Ours is disturbed in every part, and put right.
                let right = try await Self.everything()
                try await Program.script(
                    """
                    ipvsadm -D -t 10.96.0.20:80
                    ip address del 10.96.0.20/32 dev kube-ipvs0
                    ipset del KUBE-CLUSTER-IP 10.96.0.20,tcp:80
                    ipset add KUBE-6-CLUSTER-IP fd00:10:96::99,tcp:1
                    iptables-legacy -t nat -D OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
                    iptables-legacy -F KUBE-IPVS-FILTER
                    ip6tables-legacy -t nat -A KUBE-MARK-MASQ -j RETURN
                    """, in: "n1")
                try await eventually("all is put right", within: .seconds(60)) { try await Set(Self.everything()) == Set(right) }
                Self.expectSame(Self.others(try await Self.everything()), later, "after repairs")

                agent.signal(15)
                _ = try await agent.result()
                let cleanup = try await scene.run("cleanup")
                #expect(cleanup.status == 0, "\(cleanup.text)")
                Self.expectSame(
                    try await Self.everything().filter { !$0.contains(#/--dport 2[4678] /#) }, before, "after the clean-up")
                try await Program.script(Self.removed, in: "n1")
            }
        }

        /// Our link goes with what we bound to it, and stays with what somebody else did.
        @Test func aLinkWithAnAddressOfOthersStays() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                #expect(try await scene.run("run", "--once").status == 0)
                try await Program.script("ip address add 203.0.113.5/24 dev kube-ipvs0", in: "n1")
                #expect(try await scene.run("run", "--once").status == 0)
                let cleanup = try await scene.run("cleanup")
                #expect(cleanup.status == 1)
                #expect(
                    cleanup.error.contains(
                        "cannot remove dummy link kube-ipvs0: link kube-ipvs0 holds 203.0.113.5/24, which is not the agent's. "
                            + "Take the address away (ip address del 203.0.113.5/24 dev kube-ipvs0) and try again, or keep the link."),
                    "\(cleanup.error)")
                let addresses = try await Program.script("ip -o address show dev kube-ipvs0", in: "n1")
                #expect(addresses.contains("203.0.113.5/24") && !addresses.contains("10.96.0.20"))
                #expect(try await scene.table == [])
                try await Program.script("ip address del 203.0.113.5/24 dev kube-ipvs0", in: "n1")
                #expect(try await scene.run("cleanup").status == 0)
                #expect(try await Program.run("ip", "link", "show", "kube-ipvs0", in: "n1").status != 0)
            }
        }
    }
}
