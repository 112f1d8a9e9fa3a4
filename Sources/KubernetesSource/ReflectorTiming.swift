/// The times that a reflector goes by. Tests have shorter ones.
package struct ReflectorTiming: Sendable {
    /// Between attempts that fail.
    package var backoff: ClosedRange<Duration> = .milliseconds(800) ... .seconds(30)
    /// How long the server is asked to keep a watch open; client-go's range.
    package var watchSeconds: ClosedRange<Int> = 300...600
    /// How much longer a watch may stay before it is given up.
    package var watchGrace = Duration.seconds(30)
    /// How long a server may be silent between the initial events of a streaming list. One that does not know such lists never ends them.
    package var initialSilence = Duration.seconds(15)
    /// How long a server may be silent in the middle of a page, or before any answer.
    package var answerSilence = Duration.seconds(60)
    /// The longest that a server's `Retry-After` is obeyed.
    package var longestRetryAfter = Duration.seconds(600)
    /// A watch that ends sooner was not one.
    package var shortWatch = Duration.seconds(1)
    /// Between a list that lacks too much and the one that confirms it.
    package var confirmation = Duration.seconds(2)

    package init() {}
}
