import Addresses
import Agent
import CommandSupport
import ControlSocket
import FoundationEssentials
import Glibc
import HealthChecks
import IPVSModel
import KubernetesSource
import LinuxKernel
import Logging
import ManifestSource
import NodeKernel
import NodeModel
import NodePages
import PacketRules
import RuntimeFiles
import ServiceCompiler
import ServiceModel
import Settings
import Telemetry
import VirtualServerDocuments

/// The parts of the agent, put together as the settings say.
struct AgentAssembly {
    let settings: AgentSettings
    let logger: Logger
    let kernel: LinuxKernel
    let compiler: ServiceCompiler
    let journal: FileJournal
    let originals: SysctlOriginals

    init(_ settings: AgentSettings) {
        self.settings = settings
        logger = LogOutput.logger(level: settings.logLevel, format: settings.logFormat)
        compiler = ServiceCompiler(
            settings: CompilerSettings(settings),
            node: NodeFacts(
                name: settings.hostnameOverride ?? Self.hostName, families: LinuxKernel.families,
                kernel: KernelVersion(release: LinuxKernel.release) ?? KernelVersion(6, 1)))
        originals = SysctlOriginals(directory: settings.runtimeDirectory)
        kernel = LinuxKernel(
            linkName: settings.link, sysctlNames: originals.names(reporting: logger).union(compiler.base().sysctls.keys).sorted(),
            ruleBackEnd: RuleBackEndSetting(settings.iptablesBackend))
        journal = FileJournal(directory: settings.runtimeDirectory)
        for warning in settings.warnings { logger.warning("\(warning)") }
    }

    /// What is followed, and the place by which its problems name the whole of it. Policies come from local documents only.
    func source(events: EventLog? = nil) throws -> (source: any ServiceSource, place: String) {
        let (services, place) = try servicesSource(events: events)
        guard let policies = settings.policies else { return (services, place) }
        return (JoinedSource(services: services, policies: ManifestSource(directory: policies, kinds: [.healthPolicy])), place)
    }

    private func servicesSource(events: EventLog?) throws -> (source: any ServiceSource, place: String) {
        if let directory = settings.manifests {
            return (ManifestSource(directory: directory, nodePorts: settings.serviceNodePorts), directory)
        }
        guard settings.followsKubernetes else {
            throw CommandFailure(
                "nothing to follow; name a directory of manifests with --manifests DIR, or a cluster with --kubernetes",
                status: ExitStatus.invalid)
        }
        return try kubernetesSource(events: settings.postsKubernetesEvents ? events : nil)
    }

    private func kubernetesSource(events: EventLog?) throws -> (source: any ServiceSource, place: String) {
        let access: ClusterAccess
        do throws(SourceProblem) {
            access = try AccessResolver.resolve(
                kubeconfig: settings.kubeconfig, servers: settings.apiServers, environment: ProcessInfo.processInfo.environment)
        } catch {
            throw CommandFailure(error.description, status: ExitStatus.invalid)
        }
        var options = KubernetesSource.Options()
        options.removalShare = settings.kubernetesRemovalShare
        options.asksStreamingLists = settings.asksStreamingLists
        let source = KubernetesSource(
            access: access, node: compiler.node.name, version: Version.text, options: options, events: events, logger: logger)
        return (source, KubernetesSource.place(of: access))
    }

    /// One that knows what was said by hand.
    func reconciler() async -> Reconciler {
        let reconciler = Reconciler(
            kernel: kernel, compiler: compiler, excluded: settings.excludeCIDRs, journal: journal, originals: originals, logger: logger)
        _ = await reconciler.take(Administration(directory: settings.stateDirectory, events: EventLog(), logger: logger))
        return reconciler
    }

    func service(events: EventLog, board: StatusBoard) throws -> AgentService {
        let (source, place) = try self.source(events: events)
        var service = AgentService(
            kernel: kernel, source: source, compiler: compiler, excluded: settings.excludeCIDRs, journal: journal,
            originals: originals, syncPeriod: settings.syncPeriod, minimumPeriod: settings.minSyncPeriod, logger: logger,
            events: events, board: board, version: Version.text, sourcePath: place)
        service.prober = Prober()
        service.administration = Administration(directory: settings.stateDirectory, events: events, logger: logger)
        service.changes = Changes(board: board) { bytes in
            do throws(RefusedDocument) {
                return .success(try VirtualServerList(reading: bytes, file: "the list").servers)
            } catch {
                return .failure(.init(error.problems))
            }
        }
        return service
    }

    /// The socket of an agent, or a sentence that says why it cannot be had.
    func socket(of service: AgentService) async throws -> ControlSocket {
        do throws(SocketProblem) {
            let socket = ControlSocket(
                place: try SocketPlace(path: settings.socket, groupName: settings.socketGroup), inquiry: service.inquiries,
                administration: service.administration, changes: service.changes, events: service.events, board: service.board,
                logger: logger)
            try await socket.check()
            return socket
        } catch {
            throw CommandFailure(error.description)
        }
    }

    /// The ports of health and metrics.
    func pages(of service: AgentService) -> NodePages {
        NodePages(
            health: settings.healthzBind.map { NodePages.Place(address: $0.address.description, port: $0.port) },
            metrics: settings.metricsBind.map { NodePages.Place(address: $0.address.description, port: $0.port) },
            // As long as kube-proxy lets a change wait.
            patience: settings.syncPeriod * 2, board: service.health, counters: service.counters, reader: BalancerReader(),
            inquiry: service.inquiries, mostServers: settings.metricsServers, events: service.events, logger: logger)
    }

    /// The right to write, or a sentence that says who has it.
    func lock() throws -> WriterLock {
        do throws(FileProblem) {
            return try WriterLock(directory: settings.runtimeDirectory)
        } catch {
            throw CommandFailure(error.description)
        }
    }

    /// Loads what balancing uses, and says of which module that failed and why.
    func loadModules() async -> [(name: String, why: String)] {
        await Modules.load(Modules.needed(scheduler: settings.scheduler.rawValue, legacyTables: settings.iptablesBackend == .legacy))
    }

    /// Says what stands in the way of traffic on this node.
    func logAdvice() async {
        for advice in await kernel.advice() { logger.warning("\(advice)") }
    }

    /// The host's name as the kubelet and kube-proxy use it: in lower case, without surrounding blanks.
    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self).lowercased().filter { !$0.isWhitespace }
    }
}

extension CompilerSettings {
    init(_ settings: AgentSettings) {
        self.init()
        scheduler = settings.scheduler
        schedulerFlags = settings.schedulerFlags.isEmpty ? nil : settings.schedulerFlags
        masqueradeAll = settings.masqueradeAll
        nodePortAddresses = settings.nodePortRanges.map { .ranges($0) } ?? .primary
        masqueradeBit = Int(settings.masqueradeBit)
        masqueradesPodEgress = settings.masqueradesPodEgress
        firewallMarks = settings.firewallMarks
        clusterRanges = settings.clusterCIDRs
        linkName = settings.link
        strictARP = settings.strictARP
        managesSysctls = settings.managesSysctls
        conntrack.maximum = ConntrackWishes.maximum(
            perCore: settings.conntrackMaxPerCore, minimum: settings.conntrackMin, cores: ProcessInfo.processInfo.activeProcessorCount)
        conntrack.establishedTimeout = settings.conntrackTCPEstablished
        conntrack.closeWaitTimeout = settings.conntrackTCPCloseWait
        conntrack.udpTimeout = settings.conntrackUDP
        conntrack.udpStreamTimeout = settings.conntrackUDPStream
        conntrack.isLiberal = settings.conntrackIsLiberal
        drainTimeout = settings.drainTimeout
        keepsStickyClients = settings.keepsStickyClients
        standardPolicy = settings.healthPolicy
        timeouts = ConnectionTimeouts(tcp: settings.tcpTimeout ?? 0, tcpFin: settings.tcpFinTimeout ?? 0, udp: settings.udpTimeout ?? 0)
        localTraffic =
            switch settings.detectLocalMode {
            case .clusterCIDR: settings.clusterCIDRs.isEmpty ? .unknown : .ranges(settings.clusterCIDRs)
            case .nodeCIDR: .nodeRanges
            case .bridgeInterface: settings.podBridgeInterface.map { .bridge($0) } ?? .unknown
            case .interfaceNamePrefix: settings.podInterfaceNamePrefix.map { .interfacePrefix($0) } ?? .unknown
            }
    }
}

extension RuleBackEndSetting {
    init(_ setting: IPTablesBackend) {
        switch setting {
        case .auto: self = .auto
        case .legacy: self = .legacy
        case .nft: self = .nft
        }
    }
}
