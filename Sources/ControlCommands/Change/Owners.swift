import FoundationEssentials
import IPVS
import NodeModel
import Planner
import Telemetry

/// Whose a virtual server is, as far as this machine shows it.
struct Owners {
    var view: NodeView
    var touched: TouchedKeys
    /// Programs that manage virtual servers and run here, each with its process.
    var programs: [String] = Owners.running()

    /// Whether it may be changed without force: the agent's kind of virtual server, or one that was made here before.
    func isOurs(_ key: VirtualServer.Key) -> Bool { touched.contains(key) || Ownership().isTold(key, in: view.state) }

    /// Whose one is that is not ours.
    func owner(of key: VirtualServer.Key) -> String {
        programs.isEmpty ? "whose it is, nothing here shows" : "perhaps that of \(programs.joined(separator: " or "))"
    }

    /// Programs that are known to make virtual servers, by the names of their processes.
    private static let known: Set<String> = [
        "keepalived", "ldirectord", "kube-router", "kube-proxy", "seesaw_engine", "nanny", "pulse", "dpvs", "katran", "merlin",
        "surealived",
    ]

    static func running(in directory: String = "/proc") -> [String] {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return [] }
        var found: [String: Int32] = [:]
        for process in entries.compactMap({ Int32($0) }).sorted() {
            guard let data = try? Data(contentsOf: URL(filePath: "\(directory)/\(process)/comm")) else { continue }
            let name = String(decoding: data, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
            if known.contains(name), found[name] == nil { found[name] = process }
        }
        return found.sorted { $0.key < $1.key }.map { "\($0.key) (process \($0.value))" }
    }
}
