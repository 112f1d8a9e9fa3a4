/// libFuzzer's driver, which reads the command line and runs until it is told to stop or finds something.
@_silgen_name("LLVMFuzzerRunDriver")
private func run(
    _ count: UnsafeMutablePointer<CInt>, _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ tryOne: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager makes `main` of an executable's entry, which it expects to have this name; libFuzzer's own `main` then stays out.
@_cdecl("TableFuzz_main")
public func entry(_ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var words = unsafe words
    return unsafe run(&count, &words) { start, size in unsafe tryOne(start, size) }
}
