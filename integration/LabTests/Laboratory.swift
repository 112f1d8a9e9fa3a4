import Foundation
import Testing

/// Everything that needs a real kernel, real servers and real clients. One thing after the other: there is one wire, and one
/// node called n1.
@Suite(.serialized, .enabled(if: Laboratory.isHere)) struct LabTests {}

/// What the tests find around them, as `integration/run-lab-tests` says it.
enum Laboratory {
    private static let environment = ProcessInfo.processInfo.environment

    /// Whether the tests run inside the lab.
    static let isHere = environment["IPVS_LAB"] == "1"
    static let package = environment["IPVS_LAB_PACKAGE"] ?? FileManager.default.currentDirectoryPath
    static let agent = package + "/.build/debug/ipvs-agent"
    static let control = package + "/.build/debug/ipvsctl"
    static let balancer = package + "/.build/debug/balancer"
    static let apiServer = package + "/.build/debug/lab-apiserver"
    static let peer = package + "/.build/debug/lab-peer"
    /// A user-mode Linux has no nf_tables; elsewhere Debian's `iptables` is the nft one.
    static let hasNFTables = environment["LAB_RING"] != "uml"

    /// `iptables-save` and the like, of the back end that the agent takes by itself.
    static func tool(_ family: String, _ verb: String) -> String { "\(family)-\(hasNFTables ? "nft" : "legacy")-\(verb)" }
}
