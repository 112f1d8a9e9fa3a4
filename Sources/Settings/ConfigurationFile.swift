import Glibc

/// Finds and reads the settings file.
package enum ConfigurationFile {
    /// Read where it is there, when no file was named.
    package static let defaultPath = "/etc/ipvs-agent/config.yaml"
    /// A settings file is a page or two.
    private static let maximumBytes = 1 << 20

    /// The file that was named, which must be there, or else the default one, which need not.
    package static func read(
        named path: String?, default defaultPath: String = defaultPath
    ) throws(InvalidSettings) -> (name: String, text: String)? {
        let name = path ?? defaultPath
        // O_NONBLOCK, so that a FIFO does not keep the agent from starting.
        let number = unsafe open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else {
            if path == nil, errno == ENOENT || errno == ENOTDIR { return nil }
            throw InvalidSettings(problems: [
                SettingsProblem(place: name, message: "the settings file cannot be opened: \(describe(errno))")
            ])
        }
        defer { _ = close(number) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maximumBytes {
            let count = unsafe Glibc.read(number, &buffer, buffer.count)
            guard count >= 0 else {
                throw InvalidSettings(problems: [
                    SettingsProblem(place: name, message: "the settings file cannot be read: \(describe(errno))")
                ])
            }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        guard bytes.count <= maximumBytes else {
            throw InvalidSettings(problems: [SettingsProblem(place: name, message: "the settings file is larger than 1 MiB")])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InvalidSettings(problems: [SettingsProblem(place: name, message: "the settings file is not UTF-8")])
        }
        return (name, text)
    }

    private static func describe(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "errno \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
