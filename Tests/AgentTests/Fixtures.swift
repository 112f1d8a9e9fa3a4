import Addresses
import Agent
import FakeKernel
import IPVSModel
import Logging
import NodeModel
import ServiceCompiler
import ServiceModel
import Synchronization
import TestSupport

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

func name(_ number: Int) -> ObjectName { ObjectName(namespace: "default", name: "s\(number)") }

func service(_ number: Int, ports: [UInt16] = [80], address: IPAddress? = nil, annotations: [String: String] = [:]) -> SourceObject {
    .service(
        Service(
            name: name(number), clusterAddresses: [address ?? IPAddress(ipv4: 0x0a60_0100 + UInt32(number))],
            ports: ports.map { ServicePort(name: "p\($0)", port: $0) }, annotations: annotations))
}

/// Endpoints 10.244.0.N of node n2.
func slice(_ number: Int, ports: [UInt16] = [80], endpoints: [Int]) -> SourceObject {
    .endpointSlice(
        EndpointSlice(
            name: ObjectName(namespace: "default", name: "s\(number)-1"), service: name(number), family: .ipv4,
            ports: ports.map { EndpointPort(name: "p\($0)", port: $0 + 8000) },
            endpoints: endpoints.map { Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), nodeName: $0 % 2 == 0 ? "n1" : "n2") }))
}

/// A journal that outlives the agent, as a file does.
final class MemoryJournal: OwnershipJournal {
    private let keys = Mutex(Set<VirtualServer.Key>())
    private let writeCount = Mutex(0)

    var writes: Int { writeCount.withLock { $0 } }

    func remembered(reporting logger: Logger) -> Set<VirtualServer.Key> { keys.withLock { $0 } }

    func remember(_ new: Set<VirtualServer.Key>, reporting logger: Logger) {
        keys.withLock { $0 = new }
        writeCount.withLock { $0 += 1 }
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func reconciler(_ kernel: FakeKernel, journal: MemoryJournal = MemoryJournal(), settings: CompilerSettings = CompilerSettings())
    -> Reconciler
{
    Reconciler(
        kernel: kernel, compiler: ServiceCompiler(settings: settings, node: NodeFacts(name: "n1")), journal: journal, logger: quiet)
}

/// What a fresh kernel holds after a fresh agent has been given these objects at once.
func fromScratch(_ objects: [SourceObject]) async -> NodeState {
    let kernel = FakeKernel()
    _ = await reconciler(kernel).take(SourceUpdate(changed: objects))
    return kernel.state
}

/// A Service or a slice of one, of few, so that they meet and contend.
func randomObject(_ random: inout SeededGenerator) -> SourceObject {
    let number = Int.random(in: 0..<6, using: &random)
    let ports: [UInt16] = [[80], [443], [80, 443], []].randomElement(using: &random) ?? []
    // Few addresses, so that several services claim the same one.
    let address = IPAddress(ipv4: 0x0a60_0100 + UInt32.random(in: 0..<4, using: &random))
    let scheduler = ["rr", "sh", "wlc"].randomElement(using: &random) ?? "rr"
    return Bool.random(using: &random)
        ? service(number, ports: ports, address: address, annotations: ["scheduler": scheduler])
        : slice(number, ports: [80, 443], endpoints: (1...6).filter { _ in Bool.random(using: &random) })
}
