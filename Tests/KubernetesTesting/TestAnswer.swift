import Foundation

/// Where an answer is written to.
protocol TestWriter: Sendable {
    func head(_ status: Int, _ headers: [(String, String)]) async throws
    func body(_ text: String) async throws
    func end() async throws
    /// Closes the connection at once.
    func cut() async
}

/// Answers one request as the API's documents say, or as a fault has it.
struct TestAnswer {
    let cluster: TestCluster
    let faults: TestFaults
    let fault: TestFaults.Fault?
    let request: TestRequest
    let writer: any TestWriter

    func write() async throws {
        if let tokens = faults.tokens {
            let token = request.authorization.map { String($0.dropFirst("Bearer ".count)) }
            guard let token, tokens.contains(token) else { return try await status(401, "Unauthorized", "Unauthorized") }
        }
        switch fault {
        case .status(let code, let reason, let message, let retryAfter)?: return try await status(code, reason, message, retryAfter)
        case .close?: return await writer.cut()
        case .stall?:
            try await Task.sleep(for: .seconds(3600))
            return
        case .errorEvent(let code, let reason, let message)?:
            try await writer.head(200, [])
            try await writer.body(Self.line("ERROR", Self.status(code, reason, message)))
            return try await writer.end()
        case .text(let text)?:
            try await writer.head(200, [])
            try await writer.body(text)
            return try await writer.end()
        default: break
        }
        guard let resource = request.resource else { return try await status(404, "NotFound", "the server could not find it") }
        guard request.method == "GET" else { return try await status(405, "MethodNotAllowed", "not for tests") }
        guard let selector = TestCluster.Selector(labels: request.query["labelSelector"], fields: request.query["fieldSelector"]) else {
            return try await status(400, "BadRequest", "a selector that the server for tests does not know")
        }
        if request.isWatch { try await watch(resource, selector) } else { try await list(resource, selector) }
    }

    // MARK: Lists

    private func list(_ resource: TestResource, _ selector: TestCluster.Selector) async throws {
        let limit = request.query["limit"].flatMap { Int($0) }
        let page: TestCluster.Page?
        if case .emptyList? = fault {
            page = TestCluster.Page(objects: [], version: cluster.version, continuation: nil, remaining: 0)
        } else {
            page = cluster.page(resource, selector, limit: limit, continuation: request.query["continue"])
        }
        guard let page else {
            return try await status(
                410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
        }
        var metadata = "\"resourceVersion\":\"\(page.version)\""
        if let continuation = page.continuation {
            metadata += ",\"continue\":\"\(continuation)\",\"remainingItemCount\":\(page.remaining)"
        }
        let items = page.objects.map { $0.json(withKind: false) }.joined(separator: ",")
        let text =
            "{\"kind\":\"\(resource.kind)List\",\"apiVersion\":\"\(resource.version)\",\"metadata\":{\(metadata)},\"items\":[\(items)]}\n"
        try await writer.head(200, [("Content-Type", "application/json")])
        try await body(text)
    }

    /// Writes a body whole, or as the fault has it.
    private func body(_ text: String) async throws {
        switch fault {
        case .cut(let count)? where count < text.utf8.count:
            try await writer.body(String(decoding: text.utf8.prefix(count), as: UTF8.self))
            await writer.cut()
        case .slow(let count, let milliseconds)?:
            var rest = text.utf8[...]
            while !rest.isEmpty {
                try await writer.body(String(decoding: rest.prefix(count), as: UTF8.self))
                rest = rest.dropFirst(count)
                try await Task.sleep(for: .milliseconds(milliseconds))
            }
            try await writer.end()
        default:
            try await writer.body(text)
            try await writer.end()
        }
    }

    // MARK: Watches

    private func watch(_ resource: TestResource, _ selector: TestCluster.Selector) async throws {
        var version = request.query["resourceVersion"].flatMap { Int($0) } ?? 0
        var counter = Counter(fault: fault)
        if request.isStreamingList {
            guard request.query["resourceVersionMatch"] == "NotOlderThan" else {
                return try await status(422, "Invalid", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            }
            if case .refused = faults.streamingLists {
                return try await status(
                    422, "Invalid",
                    "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
            }
        }
        if version == 0 {
            var objects = cluster.objects(resource, selector)
            if case .emptyList? = fault { objects = [] }
            version = cluster.version
            try await writer.head(200, [("Content-Type", "application/json")])
            if fault == nil {
                // Many at a time, as a server does that writes through a buffer.
                for start in stride(from: 0, to: objects.count, by: 100) {
                    try await writer.body(objects[start..<min(start + 100, objects.count)].map { Self.line("ADDED", $0.json()) }.joined())
                }
            } else {
                for object in objects { if try await write(Self.line("ADDED", object.json()), &counter) { return } }
            }
            switch faults.streamingLists {
            case .unknown, .refused: break
            case .withoutProgress:
                try await writer.body(Self.line("ERROR", Self.status(500, "", "etcdserver: RequestWatchProgress is disabled")))
                return try await writer.end()
            case .offered:
                if try await write(Self.bookmark(resource, version, endsInitialEvents: true), &counter) { return }
            }
        } else {
            guard cluster.events(resource, after: version) != nil else {
                try await writer.head(200, [("Content-Type", "application/json")])
                try await writer.body(Self.line("ERROR", Self.status(410, "Expired", "too old resource version: \(version)")))
                return try await writer.end()
            }
            try await writer.head(200, [("Content-Type", "application/json")])
        }
        let seconds = request.query["timeoutSeconds"].flatMap { Int($0) } ?? 1800
        let end = ContinuousClock.now + min(.seconds(seconds), faults.longestWatch)
        let (signals, wake) = cluster.signals()
        let ticks = Task { [faults] in
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(faults.bookmarkMilliseconds))
                wake()
            }
        }
        defer { ticks.cancel() }
        var told = ContinuousClock.now
        wake()
        for await _ in signals {
            guard let (events, now) = cluster.events(resource, after: version) else {
                try await writer.body(Self.line("ERROR", Self.status(410, "Expired", "too old resource version: \(version)")))
                return try await writer.end()
            }
            version = now
            for event in events {
                guard let (change, object) = event.seen(by: selector) else { continue }
                told = .now
                if try await write(Self.line(change.rawValue, object.json()), &counter) { return }
            }
            if ContinuousClock.now >= end { break }
            if request.query["allowWatchBookmarks"] == "true", ContinuousClock.now - told >= .milliseconds(faults.bookmarkMilliseconds) {
                told = .now
                if case .unknown = faults.streamingLists, request.isStreamingList { continue }
                try await writer.body(Self.bookmark(resource, version, endsInitialEvents: false))
            }
        }
        try await writer.end()
    }

    private struct Counter {
        let fault: TestFaults.Fault?
        var events = 0
        var bytes = 0
    }

    /// Writes an event; true where the answer ends with it.
    private func write(_ line: String, _ counter: inout Counter) async throws -> Bool {
        counter.events += 1
        switch fault {
        case .cut(let count)? where counter.bytes + line.utf8.count > count:
            try await writer.body(String(decoding: line.utf8.prefix(max(0, count - counter.bytes)), as: UTF8.self))
            await writer.cut()
            return true
        case .end(let count)? where counter.events > count:
            try await writer.end()
            return true
        case .duplicates?: try await writer.body(line + line)
        case .slow(let count, let milliseconds)?:
            var rest = line.utf8[...]
            while !rest.isEmpty {
                try await writer.body(String(decoding: rest.prefix(count), as: UTF8.self))
                rest = rest.dropFirst(count)
                try await Task.sleep(for: .milliseconds(milliseconds))
            }
        default: try await writer.body(line)
        }
        counter.bytes += line.utf8.count
        return false
    }

    // MARK: Texts

    private static func line(_ type: String, _ object: String) -> String { "{\"type\":\"\(type)\",\"object\":\(object)}\n" }

    private static func bookmark(_ resource: TestResource, _ version: Int, endsInitialEvents: Bool) -> String {
        let annotations = endsInitialEvents ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : ""
        return line(
            "BOOKMARK",
            "{\"kind\":\"\(resource.kind)\",\"apiVersion\":\"\(resource.version)\",\"metadata\":{\"resourceVersion\":\"\(version)\"\(annotations)}}"
        )
    }

    private static func status(_ code: Int, _ reason: String, _ message: String) -> String {
        """
        {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\(message)","reason":"\(reason)","code":\(code)}
        """
    }

    private func status(_ code: Int, _ reason: String, _ message: String, _ retryAfter: Int? = nil) async throws {
        var headers = [("Content-Type", "application/json")]
        if let retryAfter { headers.append(("Retry-After", "\(retryAfter)")) }
        try await writer.head(code, headers)
        try await writer.body(Self.status(code, reason, message) + "\n")
        try await writer.end()
    }
}
