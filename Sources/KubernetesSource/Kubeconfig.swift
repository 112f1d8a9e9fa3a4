package import ServiceModel
import Yams

/// The contents of one kubeconfig, or of several merged: what a context of them comes to is a `ClusterAccess`.
///
/// Pure. What is read here may hold secrets, so no problem quotes a value.
package struct Kubeconfig: Sendable {
    private var clusters: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var contexts: [String: Entry] = [:]
    private var currentContext: String?

    private struct Entry: Sendable {
        /// The fields under `cluster`, `user` or `context`.
        var fields: [String: Value]
        /// The file, and the directory that relative paths in it are meant from.
        var file: String
        var directory: String
    }

    /// A value of the document, without its style.
    private indirect enum Value: Sendable {
        case text(String)
        case list([Value])
        case fields([String: Value])
    }

    package init() {}

    /// A kubeconfig is a page or two, certificates among it.
    package static let maximumBytes = 4 << 20
    /// Aliases make a small text mean a huge document; there are kubeconfigs of a thousand clusters.
    private static let mostValues = 200_000

    /// Adds a file. Of a name that several files give, the first one's stays, as kubectl merges them.
    package mutating func add(_ text: String, file: String) throws(SourceProblem) {
        let root: Value
        do {
            var budget = Self.mostValues
            root = Self.value(try Yams.compose(yaml: text, .basic), depth: 0, &budget)
            if budget < 0 { throw SourceProblem(place: file, message: "the kubeconfig holds more values than any kubeconfig does") }
        } catch let problem as SourceProblem {
            throw problem
        } catch {
            throw SourceProblem(place: file, message: "the kubeconfig is no YAML document")
        }
        guard case .fields(let fields) = root else {
            throw SourceProblem(place: file, message: "the kubeconfig is empty, or not a mapping")
        }
        if let kind = Self.text(fields["kind"]), kind != "Config" {
            throw SourceProblem(place: file, message: "its kind is not Config, so it is not a kubeconfig")
        }
        let directory = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        func entries(_ list: String, _ item: String) throws(SourceProblem) -> [String: Entry] {
            guard let value = fields[list] else { return [:] }
            guard case .list(let items) = value else { throw SourceProblem(place: "\(file), \(list)", message: "not a list") }
            var result: [String: Entry] = [:]
            for (index, entry) in items.enumerated() {
                guard case .fields(let entry) = entry, let name = Self.text(entry["name"]) else {
                    throw SourceProblem(place: "\(file), \(list)[\(index)]", message: "missing: its name")
                }
                let inner: [String: Value]
                switch entry[item] {
                case nil: inner = [:]
                case .fields(let fields)?: inner = fields
                default: throw SourceProblem(place: "\(file), \(list)[\(index)].\(item)", message: "not a mapping")
                }
                if result[name] == nil { result[name] = Entry(fields: inner, file: file, directory: directory) }
            }
            return result
        }
        clusters.merge(try entries("clusters", "cluster")) { first, _ in first }
        users.merge(try entries("users", "user")) { first, _ in first }
        contexts.merge(try entries("contexts", "context")) { first, _ in first }
        if currentContext == nil, let name = Self.text(fields["current-context"]), !name.isEmpty { currentContext = name }
    }

    /// What the current context comes to.
    package func access(origin: String) throws(SourceProblem) -> ClusterAccess {
        guard let name = currentContext else {
            throw SourceProblem(place: origin, message: "no current-context; kubectl config use-context sets it")
        }
        guard let context = contexts[name] else {
            throw SourceProblem(place: origin, message: "no context has the name \(name), which is the current one")
        }
        let clusterName = Self.text(context.fields["cluster"]) ?? ""
        guard let cluster = clusters[clusterName] else {
            throw SourceProblem(place: "\(context.file), context \(name)", message: "no cluster has the name \"\(clusterName)\"")
        }
        var access = try Self.access(cluster, clusterName, origin: origin)
        if let userName = Self.text(context.fields["user"]), !userName.isEmpty {
            guard let user = users[userName] else {
                throw SourceProblem(place: "\(context.file), context \(name)", message: "no user has the name \"\(userName)\"")
            }
            access.identity = try Self.identity(user, userName)
        }
        return access
    }

    private static func access(_ cluster: Entry, _ name: String, origin: String) throws(SourceProblem) -> ClusterAccess {
        let reader = EntryReader(cluster, "cluster \(name)")
        guard let text = try reader.text("server"), !text.isEmpty else {
            throw reader.problem("server", "missing: the API server's address")
        }
        guard let server = ServerAddress(text) else { throw reader.problem("server", "not an address such as https://10.0.0.1:6443") }
        var access = ClusterAccess(origin: origin, servers: [server])
        let authorities = try reader.material("certificate-authority")
        if try reader.boolean("insecure-skip-tls-verify") ?? false {
            // client-go refuses the two together as well (`rest.TLSConfigFor`).
            if authorities != nil {
                throw reader.problem("insecure-skip-tls-verify", "contradicts certificate-authority; remove one of them")
            }
            access.trust = .anybody
        } else if let authorities {
            access.trust = .authorities(authorities)
        }
        if let serverName = try reader.text("tls-server-name"), !serverName.isEmpty {
            guard serverName.contains(where: \.isLetter), !serverName.contains(":") else {
                throw reader.problem("tls-server-name", "not a host name")
            }
            access.serverName = serverName
        }
        if let proxy = try reader.text("proxy-url"), !proxy.isEmpty {
            access.proxy = try ProxyAddress.read(proxy, reader.problem("proxy-url", ""))
        }
        return access
    }

    private static func identity(_ user: Entry, _ name: String) throws(SourceProblem) -> ClusterAccess.Identity {
        let reader = EntryReader(user, "user \(name)")
        var identity = ClusterAccess.Identity()
        for unsupported in ["as", "as-uid", "as-groups", "as-user-extra"] where reader.isPresent(unsupported) {
            throw reader.problem(unsupported, "the agent does not act as somebody else; give it credentials of its own")
        }
        if reader.isPresent("auth-provider") {
            throw reader.problem("auth-provider", "Kubernetes has no such providers since 1.26; use an exec plug-in")
        }
        identity.certificate = try reader.material("client-certificate")
        identity.key = try reader.material("client-key")
        guard (identity.certificate == nil) == (identity.key == nil) else {
            throw reader.problem("client-certificate", "a client certificate and its key need each other")
        }
        if let token = try reader.text("token"), !token.isEmpty { identity.token = Secret(token) }
        identity.tokenFile = try reader.path("tokenFile")
        if let text = try reader.text("username"), !text.isEmpty { identity.user = text }
        if let text = try reader.text("password"), !text.isEmpty { identity.password = Secret(text) }
        if let exec = try reader.fields("exec") { identity.plugin = try plugin(exec) }
        return identity
    }

    private static func plugin(_ reader: EntryReader) throws(SourceProblem) -> CredentialPlugin {
        guard var command = try reader.text("command"), !command.isEmpty else {
            throw reader.problem("command", "missing: the program to run")
        }
        // A path is meant from the kubeconfig's directory; a bare name is looked for in PATH.
        if command.contains("/") { command = reader.resolve(command) }
        let version = try reader.text("apiVersion") ?? ""
        guard version == "client.authentication.k8s.io/v1" || version == "client.authentication.k8s.io/v1beta1" else {
            throw reader.problem("apiVersion", "neither client.authentication.k8s.io/v1 nor client.authentication.k8s.io/v1beta1")
        }
        if try reader.text("interactiveMode") == "Always" {
            throw reader.problem("interactiveMode", "the program wants to ask somebody, and nobody is at the agent's keyboard")
        }
        var environment: [String: Secret] = [:]
        for item in try reader.list("env") {
            guard case .fields(let fields) = item, let name = text(fields["name"]), !name.isEmpty, let value = text(fields["value"]) else {
                throw reader.problem("env", "each entry has a name and a value")
            }
            environment[name] = Secret(value)
        }
        let arguments = try reader.list("args").map { item throws(SourceProblem) in
            guard let argument = text(item) else { throw reader.problem("args", "not a list of texts") }
            return argument
        }
        return CredentialPlugin(
            command: command, arguments: arguments, environment: environment, version: version,
            installHint: try reader.text("installHint"), wantsCluster: try reader.boolean("provideClusterInfo") ?? false)
    }

    private static func text(_ value: Value?) -> String? { if case .text(let text)? = value { text } else { nil } }

    /// Aliases are resolved by the parser; a document that goes deeper than any kubeconfig is cut off.
    private static func value(_ node: Yams.Node?, depth: Int, _ budget: inout Int) -> Value {
        budget -= 1
        guard depth < 32, budget >= 0 else { return .text("") }
        switch node {
        case .mapping(let mapping)?:
            var fields: [String: Value] = [:]
            for (key, value) in mapping where budget >= 0 {
                if case .scalar(let scalar) = key { fields[scalar.string] = Self.value(value, depth: depth + 1, &budget) }
            }
            return .fields(fields)
        case .sequence(let sequence)?:
            var items: [Value] = []
            for item in sequence where budget >= 0 { items.append(value(item, depth: depth + 1, &budget)) }
            return .list(items)
        case .scalar(let scalar)?: return .text(scalar.style == .plain && ["null", "~"].contains(scalar.string) ? "" : scalar.string)
        default: return .text("")
        }
    }

    /// Reads the fields of one cluster, user or plug-in.
    private struct EntryReader {
        let entry: Entry
        let place: String

        init(_ entry: Entry, _ name: String) {
            self.entry = entry
            place = "\(entry.file), \(name)"
        }

        private init(_ entry: Entry, place: String) {
            self.entry = entry
            self.place = place
        }

        func problem(_ field: String, _ message: String) -> SourceProblem { SourceProblem(place: "\(place), \(field)", message: message) }

        func isPresent(_ field: String) -> Bool {
            switch entry.fields[field] {
            case nil: false
            case .text(let text)?: !text.isEmpty
            case .list(let list)?: !list.isEmpty
            case .fields(let fields)?: !fields.isEmpty
            }
        }

        func text(_ field: String) throws(SourceProblem) -> String? {
            switch entry.fields[field] {
            case nil: return nil
            case .text(let text)?: return text
            default: throw problem(field, "not a text")
            }
        }

        func boolean(_ field: String) throws(SourceProblem) -> Bool? {
            switch try text(field) {
            case nil, "": return nil
            case "true": return true
            case "false": return false
            default: throw problem(field, "neither true nor false")
            }
        }

        func list(_ field: String) throws(SourceProblem) -> [Value] {
            switch entry.fields[field] {
            case nil: return []
            case .list(let list)?: return list
            case .text("")?: return []
            default: throw problem(field, "not a list")
            }
        }

        func fields(_ field: String) throws(SourceProblem) -> EntryReader? {
            switch entry.fields[field] {
            case nil, .text("")?: return nil
            case .fields(let fields)?:
                return EntryReader(Entry(fields: fields, file: entry.file, directory: entry.directory), place: "\(place), \(field)")
            default: throw problem(field, "not a mapping")
            }
        }

        func resolve(_ path: String) -> String { path.hasPrefix("/") ? path : "\(entry.directory)/\(path)" }

        func path(_ field: String) throws(SourceProblem) -> String? {
            guard let path = try text(field), !path.isEmpty else { return nil }
            return resolve(path)
        }

        /// A PEM document: `FIELD-data` in base64, which comes first as in client-go, or the file that `FIELD` names.
        func material(_ field: String) throws(SourceProblem) -> ClusterAccess.Material? {
            if let data = try text(field + "-data"), !data.isEmpty {
                guard let text = Base64.text(data) else { throw problem(field + "-data", "not base64 of a text") }
                return .inline(Secret(text))
            }
            return try path(field).map { .file($0) }
        }
    }
}
