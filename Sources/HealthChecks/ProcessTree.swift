internal import Dispatch
internal import Glibc
internal import Synchronization

/// The word by which the processes of one command are known, whatever became of their parents: in their environment, which children inherit.
///
/// It says which agent made it, so that the next one finds what was left when this one was killed.
struct CommandMark: Sendable {
    static let variable = "IPVS_AGENT_CHECK"
    private static let counter = Atomic<UInt64>(0)

    /// `PID-STARTTIME-NUMBER`; the start time tells processes with the same number apart (proc_pid_stat(5)).
    let value: String

    init() { value = "\(Self.maker)-\(Self.counter.add(1, ordering: .relaxed).newValue)" }

    static let maker = "\(getpid())-\(ProcessTree.startTime(of: getpid()) ?? "0")"
}

/// Ends processes with all that came of them.
enum ProcessTree {
    static func killGroup(_ group: Int32) {
        // 0 and 1 would be our own group, and everybody.
        if group > 1 { _ = kill(-group, SIGKILL) }
    }

    /// Kills what is left of a command that had to be ended, outside of its group: whoever carries its mark.
    static func end(_ mark: CommandMark) {
        // A process that forks while it is looked for is found the next time; the bound is against one that does nothing else.
        for _ in 0..<50 {
            let found = processes { $0 == mark.value }
            if found.isEmpty { return }
            for process in found {
                _ = kill(process, SIGKILL)
                // Where this program is the first in its container, orphans become its children.
                _ = waitpid(process, nil, WNOHANG)
            }
            _ = usleep(2000)
        }
    }

    /// Does what takes its time off the threads that all tasks share.
    static func aside(_ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            queue.async {
                work()
                continuation.resume()
            }
        }
    }

    private static let queue = DispatchQueue(label: "ipvs-agent.processes")

    /// Kills commands of agents that are no more.
    static func endLeftovers() {
        for process in processes(where: { isLeftOver($0) }) { _ = kill(process, SIGKILL) }
    }

    /// Whether a mark's maker is gone.
    static func isLeftOver(_ mark: String) -> Bool {
        let parts = mark.split(separator: "-")
        guard parts.count == 3, let process = Int32(parts[0]) else { return false }
        return startTime(of: process) != String(parts[1])
    }

    /// The 22nd field of `/proc/PID/stat`; nil where there is no such process.
    static func startTime(of process: Int32) -> String? {
        guard let text = read("/proc/\(process)/stat", limit: 4096).map({ String(decoding: $0, as: UTF8.self) }),
            let end = text.lastIndex(of: ")")
        else { return nil }
        // Counted from behind the name, which may hold anything: the third field comes first.
        let fields = text[text.index(after: end)...].split(separator: " ")
        // A zombie is gone but for its parent's asking.
        return fields.count > 19 && fields[0] != "Z" ? String(fields[19]) : nil
    }

    /// Processes whose mark is as wanted.
    private static func processes(where isWanted: (String) -> Bool) -> [Int32] {
        guard let directory = unsafe opendir("/proc") else { return [] }
        defer { _ = unsafe closedir(directory) }
        let prefix = Array("\(CommandMark.variable)=".utf8)
        var found: [Int32] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let process = Int32(name), process > 1, process != getpid(),
                let environment = read("/proc/\(process)/environ", limit: 1 << 17)
            else { continue }
            let words = environment.split(separator: 0)
            guard let word = words.first(where: { $0.starts(with: prefix) }) else { continue }
            if isWanted(String(decoding: word.dropFirst(prefix.count), as: UTF8.self)) { found.append(process) }
        }
        return found
    }

    private static func read(_ path: String, limit: Int) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var filled = 0
        while filled < limit {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                return unsafe Glibc.read(file, rest.baseAddress, rest.count)
            }
            guard count > 0 else { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }
}
