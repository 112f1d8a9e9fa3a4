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
    return unsafe run(&count, &words) { start, size in
        unsafe tryOne(Array(UnsafeBufferPointer(start: start, count: size)))
        return 0
    }
}

/// What is given the bytes: the decoder that `FUZZ` names in the environment.
private let tryOne: ([UInt8]) -> Void = {
    switch unsafe getenv("FUZZ").map({ unsafe String(cString: $0) }) {
    case "netlink": NetlinkInput.tryOne
    case "table": TableInput.tryOne
    case "manifest": ManifestInput.tryOne
    default:
        print("FUZZ is one of netlink, table and manifest")
        exit(2)
    }
}()
