import Foundation

/// A pod's way to the others, taken away and given back.
enum Cable {
    /// Takes the link down. The kernel forgets its IPv6 addresses and its default routes with that, so they are written down first.
    @MainActor static func pull(_ pod: String) async throws {
        try await Program.script(
            """
            {
                ip -6 -o address show dev eth0 scope global | awk '{ print "address add", $4, "dev eth0 nodad" }'
                ip -4 route show default | sed 's/^/route add /'
                ip -6 route show default | sed 's/^/route add /'
            } >\(file(pod))
            ip link set eth0 down
            """, in: pod)
    }

    /// Gives back what `pull` took. What the kernel has again by itself is there already.
    @MainActor static func plug(_ pod: String) async throws {
        try await Program.script("ip link set eth0 up; ip -force -batch \(file(pod)) 2>/dev/null || true", in: pod)
    }

    private static func file(_ pod: String) -> String { FileManager.default.temporaryDirectory.path + "/cable-\(pod)" }
}
