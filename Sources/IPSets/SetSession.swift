import Addresses
import CIPSet
package import NodeModel

/// An open conversation with the kernel's ip_set, in the network namespace of the thread that opened it.
///
/// The C library behind it keeps state for the whole process: there is one session at a time (a second is refused), used by one
/// thread at a time; an actor with an executor of its own is the right owner. Every call blocks until the kernel has answered, which it does
/// while the message is being sent: nothing waits for another process.
@safe
package struct SetSession: ~Copyable {
    private let handle: OpaquePointer

    /// Opens the session, and has the kernel say that it has ip_set and that we may use it.
    package init() throws(SetError) {
        var error = cipset_error()
        guard let handle = unsafe cipset_open(&error) else { throw SetError(.open, "", error) }
        unsafe self.handle = handle
    }

    deinit { unsafe cipset_close(handle) }

    /// Makes a set. One that is there already, made alike, is success; one made otherwise is ``SetError/Reason/differentSet(_:)``.
    ///
    /// How much it can hold is not a difference: one that is too small grows when that shows.
    package func create(_ definition: SetDefinition) throws(SetError) {
        do throws(SetError) {
            try create(definition, named: definition.key.name)
        } catch {
            let key = definition.key
            guard case .differentSet = error.reason, let found = Self.standing(key) else { throw error }
            if found.serves(as: key) { return }
            throw SetError(.create, key.name, reason: .differentSet(found.layout), code: error.code, message: error.message)
        }
    }

    func create(_ definition: SetDefinition, named name: String) throws(SetError) {
        let key = definition.key
        var error = cipset_error()
        let result = unsafe name.withCString { name in
            unsafe key.type.rawValue.withCString { type in
                var made = unsafe cipset_definition()
                unsafe made.name = name
                unsafe made.type = type
                unsafe made.family = key.type == .bitmapPort ? 0 : key.family.rawValue
                unsafe made.keeps_marks = key.set.keepsMarks ? 1 : 0
                unsafe made.hash_size = definition.hashSize
                unsafe made.maximum_entries = definition.maximumEntries
                return unsafe cipset_create(handle, &made, &error)
            }
        }
        if result != 0 { throw SetError(.create, name, error) }
    }

    /// How the set of that name is made.
    private static func standing(_ key: SetKey) -> ObservedSet? {
        guard var reader = try? SetReader() else { return nil }
        return try? reader.list([key])[key]
    }

    /// Removes a set with its entries. One that is not there is success.
    package func destroy(_ key: SetKey) throws(SetError) { try destroy(named: key.name) }

    func destroy(named name: String) throws(SetError) {
        var error = cipset_error()
        let result = unsafe name.withCString { unsafe cipset_destroy(handle, $0, &error) }
        guard result != 0 else { return }
        let refusal = SetError(.destroy, name, error)
        if refusal.reason != .noSuchSet { throw refusal }
    }

    /// Whether a set of that name stands, of whatever type.
    func stands(named name: String) throws(SetError) -> Bool {
        var error = cipset_error()
        let result = unsafe name.withCString { unsafe cipset_look(handle, $0, &error) }
        guard result != 0 else { return true }
        let refusal = SetError(.list, name, error)
        if refusal.reason != .noSuchSet { throw refusal }
        return false
    }

    /// Has two sets change names, and places in the rules that match them, in one step.
    func swap(_ name: String, _ other: String) throws(SetError) {
        var error = cipset_error()
        let result = unsafe name.withCString { name in
            unsafe other.withCString { other in unsafe cipset_swap(handle, name, other, &error) }
        }
        if result != 0 { throw SetError(.swap, name, error) }
    }

    /// Carries out changes in order, some hundred in one message, and returns those that failed.
    ///
    /// An entry that is there already, or is already gone (with its set, perhaps), is success. A failure stops no other change, with one exception: where
    /// a set is full, missing or another's, what else is to be added to it fails with the same error and is not tried.
    package func change(_ changes: [SetChange]) -> [SetFailure] { change(changes, in: nil) }

    /// The same in a set of another name than those that the changes speak of.
    func change(_ changes: [SetChange], in place: String?) -> [SetFailure] {
        var failures: [SetFailure] = []
        // Sets to which nothing can be added for now, and why.
        var closed = ClosedSets()
        var batch = SetBatch(in: place)
        var position = 0
        while position < changes.count {
            let start = position
            if let known = closed.error(concerning: changes[start]) {
                failures.report(known, of: changes[start], at: start)
                position += 1
                continue
            }
            let end = batch.fill(with: changes, from: start, without: closed)
            guard end > start else {
                let message = "the entry does not fit the set's type or family"
                failures.report(SetError(changes[start], reason: .other, code: 0, message: message), of: changes[start], at: start)
                position += 1
                continue
            }
            // A failure ends the call. What comes after it is carried out by another, and laid out anew where some of it is known to fail too.
            var isAsLaidOut = true
            while position < end, isAsLaidOut {
                var error = cipset_error()
                let done = unsafe batch.run(from: position - start, session: handle, error: &error)
                closed.open(after: changes[position..<(position + done)])
                position += done
                if error.code == CIPSET_BROKEN {
                    // Of nothing that was laid out is it known whether it was done.
                    for index in position..<end { failures.report(SetError(changes[index], error), of: changes[index], at: index) }
                    position = end
                } else if position < end {
                    let failure = SetError(changes[position], error)
                    failures.report(failure, of: changes[position], at: position)
                    isAsLaidOut = !closed.close(after: failure, of: changes[position])
                    position += 1
                }
            }
        }
        return failures
    }
}

extension SetError {
    /// An error as the C side tells it.
    init(_ action: Action, _ object: String, _ error: cipset_error, isBitmap: Bool = false) {
        let message = error.text
        let reason: Reason =
            switch error.code {
            case Int32(CIPSET_OTHER_TYPE): .differentSet("type \(message)")
            case Int32(CIPSET_SECOND_SESSION): .secondSession
            case Int32(CIPSET_BROKEN): .outcomeUnknown
            default: Reason(code: error.code, action: action, message: message, isBitmap: isBitmap)
            }
        self.init(
            action, object, reason: reason, code: error.code,
            message: error.code == CIPSET_OTHER_TYPE ? "the set there has another type or family" : message)
    }

    init(_ change: SetChange, reason: Reason, code: Int32, message: String) {
        self.init(change.isRemoval ? .remove : .add, change.member.description, reason: reason, code: code, message: message)
    }

    fileprivate init(_ change: SetChange, _ error: cipset_error) {
        let action: Action = change.isRemoval ? .remove : .add
        self.init(action, change.member.description, error, isBitmap: change.member.set.type == .bitmapPort)
    }

    /// The same reason, told of another change.
    func about(_ change: SetChange) -> SetError { SetError(change, reason: reason, code: code, message: message) }
}

extension [SetFailure] {
    /// Notes a failure, unless it is that there is no set to remove from: what was asked for is so.
    fileprivate mutating func report(_ error: SetError, of change: SetChange, at index: Int) {
        if change.isRemoval, error.reason == .noSuchSet { return }
        append(SetFailure(index: index, error: error))
    }
}

extension cipset_error {
    fileprivate var text: String {
        unsafe withUnsafeBytes(of: message) { bytes in
            let end = unsafe bytes.firstIndex(of: 0) ?? bytes.endIndex
            return unsafe String(decoding: bytes[..<end], as: UTF8.self)
        }
    }
}
