// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is built this way: warnings are errors, every use of unsafe code is marked,
/// and imports say whether they are part of a target's interface.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

/// One room of the house (see docs/architecture.md): what it may import is what stands here.
func room(_ name: String, knows rooms: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(name: name, dependencies: rooms, path: path, swiftSettings: strict)
}

func tests(_ name: String, of rooms: [Target.Dependency], resources: [Resource] = [], path: String? = nil) -> Target {
    .testTarget(name: name, dependencies: rooms, path: path, resources: resources, swiftSettings: strict)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams: Target.Dependency = "Yams"
/// The HTTP server, and what its handlers are written with.
let httpServer: [Target.Dependency] = [
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
]
/// What the agent is asked with, over its socket.
let socketClient: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
/// What probes are sent with.
let probing: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOTLS", package: "swift-nio"),
    .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    .product(name: "NIOHPACK", package: "swift-nio-http2"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
/// An event loop whose time is set by the test.
let embedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
/// The HTTP client with its TLS.
let httpClient: [Target.Dependency] = [
    .product(name: "AsyncHTTPClient", package: "async-http-client"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]

let package = Package(
    name: "ipvs-agent",
    products: [
        .library(name: "IPVS", targets: ["IPVS"]),
        .executable(name: "ipvs-agent", targets: ["ipvs-agent"]),
        .executable(name: "ipvsctl", targets: ["ipvsctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C libraries.
        .systemLibrary(
            name: "CNetlink", pkgConfig: "libnl-genl-3.0",
            providers: [.apt(["libnl-3-dev", "libnl-genl-3-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "CLibIPSet", pkgConfig: "libipset", providers: [.apt(["libipset-dev"])]),
        .target(name: "CIPSet", dependencies: ["CLibIPSet"]),

        // Values.
        room("Addresses"),
        room("NearNames"),
        room("IPVSModel", knows: ["Addresses"]),
        room("HealthModel", knows: ["Addresses"]),
        room("ServiceModel", knows: ["Addresses", "HealthModel", "IPVSModel"]),
        room("NodeModel", knows: ["Addresses", "IPVSModel"]),

        // Pure functions between the values.
        room("ServiceCompiler", knows: ["Addresses", "IPVSModel", "HealthModel", "NearNames", "ServiceModel", "NodeModel"]),
        room("Planner", knows: ["Addresses", "IPVSModel", "NodeModel"]),

        // Netlink, and the IPVS family over it.
        room("NetlinkCodec"),
        room("NetlinkTransport", knows: ["NetlinkCodec", "CNetlink"]),
        room("IPVS", knows: ["Addresses", "IPVSModel", "NetlinkCodec", "NetlinkTransport"]),

        // The node's other kernel state, one subsystem each.
        room("Links", knows: ["Addresses", "NodeModel", "NetlinkCodec", "NetlinkTransport"]),
        // Reading sets needs no libipset, so that ipvsctl has nothing under its licence (docs/licensing.md).
        room("IPSetReading", knows: ["Addresses", "NodeModel", "NetlinkCodec", "NetlinkTransport"]),
        room("IPSets", knows: ["Addresses", "NodeModel", "IPSetReading", "CIPSet"]),
        // Starts programs, and waits for their end.
        room("Programs", knows: ["CProcess"]),
        room("PacketRules", knows: ["Addresses", "NodeModel", "NetlinkCodec", "NetlinkTransport", "Programs"]),
        room("Conntrack", knows: ["Addresses", "NodeModel", "NetlinkCodec", "NetlinkTransport"]),
        room("Sysctls"),

        // The kernel as the planner sees it: a protocol, and the two that live behind it.
        room("NodeKernel", knows: ["Addresses", "IPVSModel", "NodeModel"]),
        room(
            "LinuxKernel",
            knows: [
                "Addresses", "IPVSModel", "NodeModel", "NodeKernel", "NetlinkTransport", "IPVS", "Links", "IPSets", "PacketRules",
                "Conntrack", "Sysctls", "Programs",
            ]),
        room("FakeKernel", knows: ["Addresses", "IPVSModel", "NodeModel", "NodeKernel"]),

        // Whether backends answer.
        room("HealthChecks", knows: ["Addresses", "HealthModel", "Programs"] + probing),

        // What is asked for, and how.
        room("VirtualServerDocuments", knows: ["Addresses", "IPVSModel", "NodeModel", "NearNames"]),
        room("KubernetesObjects", knows: ["Addresses", "HealthModel", "ServiceModel"]),
        // Of Yams only the C library: its events become documents without a node of Yams for each value.
        room(
            "ManifestSource",
            knows: [
                "Addresses", "HealthModel", "IPVSModel", "ServiceModel", "NodeModel", "KubernetesObjects", "VirtualServerDocuments",
                "NearNames", yams,
            ]),
        room(
            "KubernetesSource",
            knows: ["Addresses", "ServiceModel", "KubernetesObjects", "Telemetry", "Programs", logging, yams] + httpClient),
        room("Settings", knows: ["Addresses", "IPVSModel", "ServiceModel", "NearNames", yams]),

        // What the agent tells of itself: values, and how they are written.
        room("Telemetry"),
        room("HTTPServing", knows: httpServer),
        room("NodePages", knows: ["Telemetry", "HTTPServing", logging, lifecycle] + httpServer),
        room("ControlSocket", knows: ["Telemetry", "HTTPServing", logging, lifecycle] + httpServer),

        // The loop, and the verbs.
        room(
            "Agent",
            knows: [
                "Addresses", "IPVSModel", "HealthModel", "ServiceModel", "NodeModel", "ServiceCompiler", "Planner", "NodeKernel",
                "Telemetry", "RuntimeFiles", "CMalloc", logging, lifecycle,
            ]),
        room("RuntimeFiles"),
        room("CommandSupport", knows: ["CMalloc", argumentParser]),
        room(
            "AgentCommands",
            knows: [
                "Addresses", "IPVSModel", "HealthChecks", "ServiceModel", "NodeModel", "ServiceCompiler", "Planner", "NodeKernel",
                "LinuxKernel", "ManifestSource", "KubernetesSource", "Settings", "Agent", "Telemetry", "ControlSocket", "NodePages",
                "VirtualServerDocuments", "RuntimeFiles", "IPVS",
                "CommandSupport", argumentParser,
                logging, lifecycle, unixSignals,
            ]),
        room(
            "ControlCommands",
            knows: [
                "IPVS", "NodeModel", "Planner", "NetlinkTransport", "Links", "IPSetReading", "PacketRules", "Conntrack", "Sysctls",
                "Telemetry", "NearNames", "RuntimeFiles", "VirtualServerDocuments", "ManifestSource", "CommandSupport", argumentParser,
                yams,
            ] + socketClient),
        .executableTarget(name: "ipvs-agent", dependencies: ["AgentCommands", "CommandSupport"], swiftSettings: strict),
        // A server and client for the laboratory, in C so that it starts at once.
        .executableTarget(name: "lab-peer", path: "integration/peer"),
        // Servers to probe and a prober that is measured: see docs/performance.md.
        .executableTarget(
            name: "probe-load", dependencies: ["Addresses", "HealthModel", "HealthChecks", argumentParser] + probing,
            path: "Benchmarks/ProbeLoad", swiftSettings: strict),
        // The library's example, so that the lab can run it. It is a package of its own besides.
        .executableTarget(
            name: "balancer", dependencies: ["IPVS"], path: "examples/library/Sources/balancer", swiftSettings: strict),
        .executableTarget(name: "ipvsctl", dependencies: ["ControlCommands", "CommandSupport"], swiftSettings: strict),

        // Tests stand beside the rooms they test.
        room("TestSupport", path: "Tests/TestSupport"),
        room(
            "TableSamples", knows: ["Addresses", "IPVSModel", "NodeModel", "VirtualServerDocuments", "TestSupport"],
            path: "Tests/TableSamples"),
        room("NetlinkTesting", knows: ["NetlinkCodec", "NetlinkTransport"], path: "Tests/NetlinkTesting"),
        tests("AddressesTests", of: ["Addresses", "TestSupport"]),
        tests("ServiceModelTests", of: ["Addresses", "HealthModel", "ServiceModel"]),
        tests("NodeModelTests", of: ["Addresses", "IPVSModel", "NodeModel"]),
        tests(
            "ServiceCompilerTests",
            of: ["Addresses", "IPVSModel", "HealthModel", "NodeModel", "ServiceModel", "ServiceCompiler", "TestSupport"]),
        tests("PlannerTests", of: ["Addresses", "IPVSModel", "NodeModel", "Planner", "NodeKernel", "FakeKernel"]),
        tests(
            "VirtualServerDocumentsTests",
            of: ["Addresses", "IPVSModel", "NodeModel", "ManifestSource", "VirtualServerDocuments", "TableSamples", "TestSupport"]),
        tests(
            "ControlCommandsTests",
            of: [
                "IPVS", "NodeModel", "Planner", "Links", "IPSetReading", "PacketRules", "Conntrack", "Telemetry", "NearNames",
                "VirtualServerDocuments", "ManifestSource", "ControlCommands", "CommandSupport", "TestSupport", argumentParser,
            ] + socketClient, resources: [.copy("Golden")]),
        tests(
            "LinuxKernelTests",
            of: [
                "Addresses", "NodeModel", "NodeKernel", "NetlinkTransport", "IPVS", "Links", "IPSets", "PacketRules", "Sysctls",
                "LinuxKernel",
            ]),
        tests(
            "AgentCommandsTests",
            of: [
                "IPVSModel", "ServiceModel", "NodeModel", "NodeKernel", "Planner", "Settings", "Agent", "CommandSupport", "AgentCommands",
                "KubernetesObjects", "KubernetesSource", "KubernetesTesting", "ManifestSource", "Telemetry", "TestSupport",
                argumentParser, logging,
            ]),
        tests(
            "NodeKernelTests",
            of: [
                "Addresses", "IPVSModel", "NodeModel", "NodeKernel", "FakeKernel", "LinuxKernel", "Planner", "ServiceCompiler",
                "TestSupport",
            ]),
        tests("NetlinkCodecTests", of: ["NetlinkCodec", "NetlinkTesting", "TestSupport"]),
        tests("NetlinkTransportTests", of: ["NetlinkCodec", "NetlinkTransport", "NetlinkTesting", "TestSupport"]),
        tests("IPVSTests", of: ["IPVS", "NetlinkCodec", "NetlinkTransport", "NetlinkTesting", "TestSupport"]),
        tests("IPVSKernelTests", of: ["IPVS", "NetlinkTransport"]),
        tests("LinksTests", of: ["Addresses", "NetlinkCodec", "NetlinkTransport", "NetlinkTesting", "Links", "TestSupport"]),
        tests("ConntrackTests", of: ["Addresses", "NodeModel", "NetlinkCodec", "NetlinkTransport", "Conntrack", "TestSupport"]),
        // Stands between libipset and libmnl, so the linker must offer its functions to libraries.
        .target(
            name: "CIPSetFaults", path: "Tests/CIPSetFaults",
            linkerSettings: [
                .unsafeFlags(["mnl_socket_sendto", "mnl_socket_recvfrom"].flatMap { ["-Xlinker", "--export-dynamic-symbol=\($0)"] })
            ]),
        tests(
            "IPSetsTests",
            of: [
                "Addresses", "NodeModel", "NetlinkCodec", "NetlinkTransport", "IPSetReading", "IPSets", "NetlinkTesting", "CIPSetFaults",
                "TestSupport",
            ]),
        tests("ProgramsTests", of: ["Programs"]),
        tests("PacketRulesTests", of: ["Addresses", "NodeModel", "PacketRules", "Programs", "TestSupport"]),
        tests("SysctlsTests", of: ["Sysctls"]),
        tests("KubernetesObjectsTests", of: ["ServiceModel", "KubernetesObjects", "TestSupport"]),
        tests("ManifestSourceTests", of: ["Addresses", "HealthModel", "IPVSModel", "ServiceModel", "ManifestSource", "TestSupport"]),
        tests("HealthChecksTests", of: ["Addresses", "HealthModel", "HealthChecks", "TestSupport", embedded] + probing),
        // An API server for tests, and the program that lets the laboratory have one.
        room(
            "KubernetesTesting",
            knows: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], path: "Tests/KubernetesTesting"),
        .executableTarget(
            name: "lab-apiserver", dependencies: ["KubernetesTesting"] + httpClient, path: "integration/apiserver", swiftSettings: strict),
        tests(
            "KubernetesSourceTests",
            of: [
                "Addresses", "ServiceModel", "KubernetesObjects", "KubernetesSource", "KubernetesTesting", "Telemetry", "TestSupport",
                logging,
            ], resources: [.copy("Fixtures")]),
        tests("TelemetryTests", of: ["Telemetry", "TestSupport"]),
        tests("ControlSocketTests", of: ["Telemetry", "HTTPServing", "ControlSocket", "TestSupport", logging, lifecycle]),
        tests("NodePagesTests", of: ["Telemetry", "HTTPServing", "NodePages", "TestSupport", logging, lifecycle]),
        tests("SettingsTests", of: ["Addresses", "IPVSModel", "Settings"]),
        tests(
            "RecordingTests",
            of: ["Addresses", "IPVSModel", "NodeModel", "ServiceModel", "ServiceCompiler", "Planner", "ManifestSource"]),
        tests(
            "AgentTests",
            of: [
                "Addresses", "IPVSModel", "HealthModel", "NodeModel", "ServiceModel", "ServiceCompiler", "Planner", "NodeKernel",
                "FakeKernel", "LinuxKernel", "Agent", "Telemetry", "RuntimeFiles", "TestSupport", logging, lifecycle,
            ]),
        tests(
            "LabTests",
            of: [
                "Addresses", "NodeModel", "IPVSModel", "ManifestSource", "VirtualServerDocuments", "TableSamples", "TestSupport",
            ], path: "integration/LabTests"),
    ]
)

// Fuzz targets are built only when asked for, because libFuzzer's coverage goes into every room:
// see Tests/Fuzz/README.md.
if Context.environment["IPVS_AGENT_FUZZ"] == "1" {
    let sanitizer: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer"])]
    for target in package.targets where target.type == .regular {
        target.swiftSettings = (target.swiftSettings ?? []) + sanitizer
    }
    package.targets.append(
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Addresses", "IPVS", "IPSetReading", "NodeModel", "NetlinkCodec", "KubernetesObjects", "ManifestSource", "HealthChecks",
            ],
            path: "Tests/Fuzz",
            exclude: ["README.md", "Seeds"],
            swiftSettings: strict + sanitizer + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]))
}
