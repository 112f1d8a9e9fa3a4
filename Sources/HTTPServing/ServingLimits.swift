/// What a client may use up. Whoever may connect is trusted to read, not to keep others from it.
package struct ServingLimits: Sendable {
    /// More than these wait until one ends.
    package var connections = 64
    /// Of these, how many may follow the events, which has no end.
    package var followers = 16
    /// After so long without a request a connection is closed.
    package var idleTime = Duration.seconds(30)
    /// A request has to be there whole after so long.
    package var requestTime = Duration.seconds(30)
    /// A part of an answer has to be taken within so long, or the connection is closed.
    package var writeTime = Duration.seconds(10)
    package var headerBytes = 16 * 1024
    package var headerCount = 64
    package var bodyBytes = 64 * 1024
    /// The same for single paths that take more.
    package var bodyBytesOfPaths: [String: Int] = [:]
    /// At the end answers are given so long to be finished.
    package var stopTime = Duration.seconds(5)
    /// A socket or port that is lost is made again after so long.
    package var restartTime = Duration.seconds(5)

    package init() {}

    /// The most body that a request to this target may have.
    package func bodyBytes(of target: String) -> Int {
        bodyBytesOfPaths.isEmpty ? bodyBytes : bodyBytesOfPaths[String(target.prefix { $0 != "?" })] ?? bodyBytes
    }
}
