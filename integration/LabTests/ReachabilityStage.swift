import Testing

/// What stands around the two nodes beyond `integration/topology`: a second uplink of n1 with its own route table, and a user behind a load
/// balancer that gives node ports of n1 another address.
@MainActor enum ReachabilityStage {
    static func build() async throws {
        try await Program.script(
            """
            ip netns add beyond
            ip netns add user
            ip link add eth1 netns n1 type veth peer name eth0 netns beyond
            ip link add user0 netns outside type veth peer name eth0 netns user
            """)
        try await configure(
            "beyond",
            """
            link set lo up
            link set eth0 addrgenmode none up
            addr add 198.51.100.100/24 dev eth0
            addr add 2001:db8:2::100/64 dev eth0 nodad
            addr add fe80::100/64 dev eth0 nodad
            addr add 198.18.0.100/32 dev lo
            addr add 2001:db8:18::100/128 dev lo
            route add 203.0.113.0/24 via 198.51.100.10
            route add 2001:db8:203::/64 via 2001:db8:2::10
            """)
        // What has one of these sources leaves by the second uplink where the main table knows nothing but its default route.
        try await configure(
            "n1",
            """
            link set eth1 addrgenmode none up
            addr add 198.51.100.10/24 dev eth1
            addr add 2001:db8:2::10/64 dev eth1 nodad
            addr add fe80::10/64 dev eth1 nodad
            route add default via 198.51.100.100 table 100
            route add default via 2001:db8:2::100 table 100
            """)
        try await Program.script(
            """
            for source in 198.51.100.10 203.0.113.0/24 2001:db8:2::10 2001:db8:203::/64; do
                family=-4
                [[ $source != *:* ]] || family=-6
                ip $family rule add pref 100 from $source lookup main suppress_prefixlength 0
                ip $family rule add pref 101 from $source lookup 100
            done
            """, in: "n1")
        try await configure(
            "user",
            """
            link set lo up
            link set eth0 addrgenmode none up
            addr add 198.19.0.100/24 dev eth0
            addr add 198.19.0.101/24 dev eth0
            addr add 2001:db8:19::100/64 dev eth0 nodad
            addr add 2001:db8:19::101/64 dev eth0 nodad
            addr add fe80::100/64 dev eth0 nodad
            route add default via 198.19.0.1
            route add default via 2001:db8:19::1
            """)
        try await configure(
            "outside",
            """
            link set user0 addrgenmode none up
            addr add 198.19.0.1/24 dev user0
            addr add 2001:db8:19::1/64 dev user0 nodad
            addr add fe80::1/64 dev user0 nodad
            route add 203.0.113.0/24 via 192.0.2.10
            route add 2001:db8:203::/64 via 2001:db8:1::10
            """)
        try await Program.script(
            "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
                + balancer("iptables", "198.19.1.1", "192.0.2.10", "198.19.0.101")
                + balancer("ip6tables", "2001:db8:19:1::1", "2001:db8:1::10", "2001:db8:19::101"),
            in: "outside")
    }

    static func remove() async throws {
        try await Program.script(
            """
            for family in -4 -6; do for pref in 100 100 101 101; do ip -n n1 $family rule del pref $pref; done; done
            ip -n n1 link del eth1; ip -n outside link del user0
            ip -n outside route del 203.0.113.0/24; ip -n outside -6 route del 2001:db8:203::/64
            ip netns del beyond; ip netns del user
            for family in iptables ip6tables; do
                nsenter --net=/run/netns/outside "$family-\(Laboratory.hasNFTables ? "nft" : "legacy")" -t nat -F
            done
            nsenter --net=/run/netns/outside bash -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
            """)
    }

    private static func configure(_ namespace: String, _ lines: String) async throws {
        try await Program.script("ip -batch - <<'END'\n\(lines)\nEND", in: namespace)
    }

    /// Another address for the node's ports; one of its clients is hidden.
    private static func balancer(_ family: String, _ address: String, _ node: String, _ hidden: String) -> String {
        let rules = ["tcp", "udp", "sctp"].map {
            "-A PREROUTING -d \(address) -p \($0) -m \($0) --dport 30000:32767 -j DNAT --to-destination \(node)"
        }
        return """
            \(Laboratory.tool(family, "restore")) --noflush <<'END'
            *nat
            \(rules.joined(separator: "\n"))
            -A POSTROUTING -s \(hidden) -j MASQUERADE
            COMMIT
            END

            """
    }
}
