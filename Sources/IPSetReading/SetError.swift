import NodeModel

/// Why the kernel, or libipset before it, did not do or show something of a set.
package struct SetError: Error, Hashable, Sendable {
    package enum Action: String, Hashable, Sendable {
        case open = "open a session with the kernel's ip_set"
        case create = "create set"
        case destroy = "destroy set"
        case swap = "swap set"
        case add = "add to set"
        case remove = "remove from set"
        case list = "list set"
    }

    package enum Reason: Hashable, Sendable {
        /// Nothing of that name.
        case noSuchSet
        /// A set of that name is there and is not the one wanted; how it is made, as far as that is known.
        case differentSet(String)
        case full
        /// A rule or another set refers to it.
        case inUse
        /// The kernel, or the installed libipset, has no such type.
        case unsupportedType
        /// The kernel has no ip_set at all.
        case noSubsystem
        case notPermitted
        /// This process has a session already; libipset can serve one.
        case secondSession
        /// A message was not sent or its answer not read: whether it was done is unknown.
        case outcomeUnknown
        case other
    }

    package let action: Action
    /// The set's name, and the entry where one entry failed; empty where no set is meant.
    package let object: String
    package let reason: Reason
    /// An errno, or from 4096 one of ip_set's own codes (`linux/netfilter/ipset/ip_set.h`); 0 where there is none.
    package let code: Int32
    /// What libipset says, or the kernel.
    package let message: String

    package init(_ action: Action, _ object: String, reason: Reason, code: Int32, message: String) {
        self.action = action
        self.object = object
        self.reason = reason
        self.code = code
        self.message = message
    }

    /// What to do about it, where that is known.
    package var remedy: String? {
        switch reason {
        case .noSuchSet: "It was removed by somebody else; it is made again at the next pass."
        case .differentSet: "Another program owns that name: remove the set (ipset destroy \(setName)) or stop that program."
        case .full: "The set is made anew with more room at the next try."
        case .inUse: "Remove the rules that match the set first (iptables-save | grep match-set)."
        case .unsupportedType:
            "Load the module of the set's type (modprobe \(Self.module(of: object))), or use a kernel that has it."
        case .noSubsystem: "Load the module ip_set (modprobe ip_set), or use a kernel that has it."
        case .notPermitted: "Run as root, or with CAP_NET_ADMIN in the network namespace."
        case .secondSession, .outcomeUnknown, .other: nil
        }
    }

    /// The set's name, where an entry is named with it.
    private var setName: String { String(object.prefix { $0 != " " }) }

    /// Whether every entry sent to the same set would fail alike.
    package var concernsWholeSet: Bool {
        switch reason {
        case .noSuchSet, .differentSet, .full, .unsupportedType, .noSubsystem, .notPermitted, .secondSession: true
        case .inUse, .outcomeUnknown, .other: false
        }
    }

    /// `ip_set_hash_ipport` for a set of type `hash:ip,port`, as the kernel's aliases have it.
    private static func module(of name: String) -> String {
        guard let type = SetKey(name: name)?.type else { return "ip_set" }
        return "ip_set_" + type.rawValue.replacing(":", with: "_").replacing(",", with: "")
    }
}

extension SetError: CustomStringConvertible {
    package var description: String {
        let known =
            switch reason {
            case .differentSet(let found) where !found.isEmpty: " (there is one of \(found))"
            default: ""
            }
        return "\(action.rawValue)\(object.isEmpty ? "" : " " + object): \(message)\(known) [\(code)]" + (remedy.map { ". " + $0 } ?? "")
    }
}
