import ArgumentParser
import IPVS

/// `ipvsctl get timeouts`: how long idle connections are kept.
struct GetTimeouts: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeouts", abstract: "List how long idle connections are kept.", aliases: ["timeout"])

    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        try await output.show {
            let timeouts = try kernel.withKernel { (handle) throws(IPVSError) in try handle.timeouts() }
            return ItemList(items: TimeoutItem.all(timeouts))
        }
    }
}

/// A timeout in a listing.
struct TimeoutItem: ListedItem {
    static let kind = "TimeoutListing"

    var name: String
    var seconds: UInt32
    var meaning: String

    static var columns: [ListedColumn<TimeoutItem>] {
        [
            .text("TIMEOUT") { $0.name }, .number("SECONDS") { $0.seconds }, .text("OF") { $0.meaning },
        ]
    }

    static func all(_ timeouts: ConnectionTimeouts) -> [TimeoutItem] {
        [
            TimeoutItem(name: "tcp", seconds: timeouts.tcp, meaning: "an established TCP session without packets"),
            TimeoutItem(name: "tcpfin", seconds: timeouts.tcpFin, meaning: "a TCP session after a FIN"),
            TimeoutItem(name: "udp", seconds: timeouts.udp, meaning: "a UDP flow without packets"),
        ]
    }
}
