import Glibc

/// libFuzzer's driver, which reads the command line and runs until it is told to stop or finds something.
@_silgen_name("LLVMFuzzerRunDriver")
private func run(
    _ count: UnsafeMutablePointer<CInt>, _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ tryOne: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager makes `main` of an executable's entry, which it expects to have this name; libFuzzer's own `main` then stays out.
@_cdecl("Fuzz_main")
public func entry(_ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var words = unsafe words
    return unsafe run(&count, &words, tryOneInput)
}

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    unsafe tryOne(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// What is given the bytes: the decoder that `FUZZ` names in the environment.
private let tryOne: @Sendable ([UInt8]) -> Void = decoder(named: unsafe getenv("FUZZ").map { unsafe String(cString: $0) })

private func decoder(named name: String?) -> @Sendable ([UInt8]) -> Void {
    switch name {
    case "netlink": return { NetlinkInput.tryOne($0) }
    case "table": return { TableInput.tryOne($0) }
    case "connections": return { ConnectionInput.tryOne($0) }
    case "set": return { SetInput.tryOne($0) }
    case "manifest": return { ManifestInput.tryOne($0) }
    case "json": return { JSONInput.tryOne($0) }
    default:
        print("FUZZ is one of netlink, table, connections, set, manifest and json")
        exit(2)
    }
}
