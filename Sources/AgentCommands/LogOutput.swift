import CommandSupport
import Foundation
import Logging
import Settings

/// Where the agent's log goes: to standard error, a line a message, for people or as JSON.
struct LogOutput: LogHandler {
    let format: LogFormat
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    static func logger(level: LogLevel, format: LogFormat) -> Logger {
        var logger = Logger(label: "ipvs-agent") { _ in LogOutput(format: format) }
        logger.logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
        return logger
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        printError(
            format == .text
                ? Self.text(time, event.level, event.message.description, fields)
                : Self.json(time, event.level, event.message.description, fields))
    }

    static func text(_ time: String, _ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> String {
        let level = level.rawValue + String(repeating: " ", count: max(0, 8 - level.rawValue.count))
        return ([time, level, message] + fields.map { "\($0)=\($1)" }).joined(separator: " ")
    }

    static func json(_ time: String, _ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> String {
        var object = Dictionary(fields) { $1 }
        (object["time"], object["level"], object["message"]) = (time, level.rawValue, message)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings can always be encoded.
        return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
