internal import HealthModel
internal import NIOCore
internal import NIOHTTP1
internal import NIOTLS

/// A request over HTTP/1.1, with TLS where asked for; the status and maybe the body tell.
final class HTTPChecker: Checker {
    private let check: HealthCheck.HTTPCheck
    private let head: HTTPRequestHead
    private let target: CheckTarget
    private let contexts: TLSContexts

    init(_ check: HealthCheck.HTTPCheck, _ target: CheckTarget, _ contexts: TLSContexts) {
        self.check = check
        self.target = target
        self.contexts = contexts
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: check.host ?? target.authority)
        for header in check.headers where header.name.lowercased() != "host" { headers.add(name: header.name, value: header.value) }
        if !headers.contains(name: "User-Agent") { headers.add(name: "User-Agent", value: "ipvs-agent") }
        // The server closes first, then, and keeps the TIME_WAIT.
        headers.replaceOrAdd(name: "Connection", value: "close")
        head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: check.method), uri: check.path, headers: headers)
    }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        let running = HTTPRequestCheck(check, head, target, contexts, report: report)
        running.connect()
        return running
    }
}

private final class HTTPRequestCheck: ConnectionCheck, ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let check: HealthCheck.HTTPCheck
    private let head: HTTPRequestHead
    private let contexts: TLSContexts
    private var body = BodyMatch()
    private var dropped = 0

    init(
        _ check: HealthCheck.HTTPCheck, _ head: HTTPRequestHead, _ target: CheckTarget, _ contexts: TLSContexts,
        report: @escaping (CheckOutcome) -> Void
    ) {
        self.check = check
        self.head = head
        self.contexts = contexts
        if let text = check.body { body = BodyMatch(text) }
        super.init(target, report: report)
    }

    override func install(_ pipeline: ChannelPipeline.SynchronousOperations) throws {
        if let tls = check.tls { try pipeline.addHandler(contexts.handler(for: tls, protocols: ["http/1.1"])) }
        try pipeline.addHTTPClientHandlers()
        try pipeline.addHandler(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        // Written at once: TLS keeps it until its handshake is done.
        awaited = check.tls == nil ? "a response" : "the TLS handshake"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { awaited = "a response" }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): take(head)
        case .body(let bytes): take(bytes)
        case .end:
            if isOpen { give(body.isFound ? .good : .bad("the body does not contain the expected text")) }
            leave()
        }
    }

    private func take(_ head: HTTPResponseHead) {
        let status = Int(head.status.code)
        guard check.statuses.contains(where: { $0.contains(status) }) else { return give(.bad("HTTP status \(status)")) }
        if body.isFound { give(.good) }
        awaited = "the body"
    }

    private func take(_ bytes: ByteBuffer) {
        dropped += bytes.readableBytes
        if isOpen {
            body.take(bytes)
            if body.isFound {
                give(.good)
            } else if body.isFull {
                give(.bad("the first \(Bounds.body >> 10) KiB of the body do not contain the expected text"))
            }
        }
        if dropped > Bounds.dropped { end() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        give(.bad("the connection was closed while waiting for \(awaited)"))
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }
}

/// Looks for a text in a body that comes in pieces, as far as the bound.
struct BodyMatch {
    private let wanted: [UInt8]
    private var seen: [UInt8] = []
    private(set) var isFound: Bool

    /// Matches whatever comes.
    init() { self.init("") }

    init(_ text: String) {
        wanted = Array(text.utf8)
        isFound = wanted.isEmpty
    }

    var isFull: Bool { seen.count >= Bounds.body }

    mutating func take(_ bytes: ByteBuffer) {
        guard !isFound, !isFull else { return }
        // A match may have begun in what came before.
        var start = max(0, seen.count - wanted.count + 1)
        seen.append(contentsOf: bytes.readableBytesView.prefix(Bounds.body - seen.count))
        while start + wanted.count <= seen.count {
            if seen[start] == wanted[0], seen[start..<start + wanted.count].elementsEqual(wanted) {
                isFound = true
                seen = []
                return
            }
            start += 1
        }
    }
}
