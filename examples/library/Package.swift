// swift-tools-version: 6.2
import PackageDescription

// A package of its own, as yours would be: it depends on ipvs-agent for the library IPVS and nothing else.
let package = Package(
    name: "balancer",
    dependencies: [.package(name: "ipvs-agent", path: "../..")],
    targets: [
        .executableTarget(name: "balancer", dependencies: [.product(name: "IPVS", package: "ipvs-agent")])
    ]
)
