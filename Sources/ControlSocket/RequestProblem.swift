import Telemetry

/// A request that cannot be answered as it was meant: what is wrong, and what helps.
struct RequestProblem: Error, Equatable {
    /// HTTP's status.
    var status: Int
    var error: String
    var remedy: String
    /// The methods that the path knows, where another was used.
    var allowed: String?

    private static let seeList = "GET /v1 lists what can be asked for"

    static func unknown(path: String) -> Self { Self(status: 404, error: "there is no \(shown(path)) here", remedy: seeList) }

    static func method(_ method: String, _ page: SocketPage) -> Self {
        Self(
            status: 405, error: "\(page.path) does not know the method \(shown(method))",
            remedy: "use \(page.methods.joined(separator: " or "))",
            allowed: page.methods.joined(separator: ", "))
    }

    static func option(_ name: String, _ page: SocketPage) -> Self {
        let known = page.options.isEmpty ? "it has none" : "it knows \(page.options.joined(separator: " and "))"
        return Self(status: 400, error: "\(page.path) has no option \(shown(name))", remedy: known)
    }

    static func twice(_ name: String) -> Self {
        Self(status: 400, error: "the option \(shown(name)) is given twice", remedy: "give it once")
    }

    static func value(_ name: String, _ text: String, _ wanted: String) -> Self {
        Self(status: 400, error: "\(name)=\(shown(text)) cannot be read", remedy: "give \(wanted)")
    }

    static func noService(_ name: String) -> Self {
        Self(
            status: 404, error: "no Service \(shown(name)) is balanced on this node",
            remedy: "give its name as NAMESPACE/NAME; GET /v1/services has them all, GET /v1/status what could not be read")
    }

    static func tooLong(_ most: Int) -> Self {
        Self(status: 413, error: "the request's body is too long", remedy: "send at most \(most) bytes")
    }

    static func body(_ error: String) -> Self {
        Self(
            status: 400, error: "the request's body cannot be read: \(error)",
            remedy:
                #"give {"state": "ready", "drain" or "maintenance"} and, as needed, "reason", "owner" and "expires"; or {"state": "weight", "weight": 5, "over": seconds}"#
        )
    }

    static func nothingSaid(_ scope: String, _ key: String) -> Self {
        Self(status: 404, error: "nothing is said of \(shown("\(scope)/\(key)"))", remedy: "GET /v1/admin has all that is")
    }

    init(_ failure: AdministrationFailure) {
        switch failure {
        case .invalid(let error, let remedy): self.init(status: 400, error: error, remedy: remedy)
        case .notRemembered(let error):
            self.init(status: 500, error: error, remedy: "see that the directory can be written (--state-directory); nothing was changed")
        case .tooMany(let most):
            self.init(status: 409, error: "more than \(most) things cannot be said by hand", remedy: "take some back first")
        }
    }

    init(_ failure: ChangeFailure) {
        switch failure {
        case .invalid(let error, let remedy): self.init(status: 400, error: error, remedy: remedy)
        case .managed(let servers):
            let shown = servers.prefix(20).map { "\($0.virtualServer) is \($0.owner)'s" }.joined(separator: "; ")
            self.init(
                status: 409, error: "the agent manages what is to be changed: \(shown)\(servers.count > 20 ? " and so on" : "")",
                remedy:
                    "change the Service or its annotations, or say it by hand (/v1/admin); with force=true it is changed until the agent puts it back"
            )
        case .otherNamespace:
            self.init(
                status: 409, error: "the agent balances in another network namespace than the one that is meant",
                remedy: "enter the agent's, or leave the namespace out")
        case .unseen(let error):
            self.init(
                status: 503, error: "the kernel's table cannot be looked at: \(error)", remedy: "see GET /v1/status; nothing was changed")
        case .notNow(let failure): self.init(failure)
        }
    }

    static let tooManyFollow = Self(
        status: 503, error: "too many follow the events already", remedy: "end one of them, or ask without follow from time to time")

    static let internalFailure = Self(
        status: 500, error: "the answer could not be written as JSON", remedy: "please report this with the request")

    init(status: Int, error: String, remedy: String, allowed: String? = nil) {
        self.status = status
        self.error = error
        self.remedy = remedy
        self.allowed = allowed
    }

    init(_ failure: InquiryFailure) {
        self.init(status: failure == .crowded ? 429 : 503, error: failure.description, remedy: failure.remedy)
    }

    /// What someone else wrote, cut to what a message can hold.
    private static func shown(_ text: String) -> String {
        let most = 100
        return text.utf8.count <= most ? "\"\(text)\"" : "\"\(text.prefix(most))…\""
    }
}
