import ManifestSource

/// Gives libFuzzer's bytes to the reader, which must end, without a trap, whatever they are.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzManifestReader(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    let contents = ManifestReader().read(bytes, file: "fuzz.yaml")
    precondition(contents.isWellFormed || !contents.problems.isEmpty, "a file that is not well-formed says why")
    return 0
}

/// `Arguments` as C's `main` has them.
public typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// See `FuzzerInterface.h` of libFuzzer.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(_ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments?>, _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) -> CInt

/// SwiftPM links an executable with `main` under this name, and so libFuzzer's own `main` is not used.
@_cdecl("ManifestReaderFuzzer_main")
public func main(_ count: CInt, _ arguments: Arguments?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runDriver(&count, &arguments, fuzzManifestReader)
}
