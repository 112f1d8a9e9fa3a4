package import Addresses

/// Which link holds which address, the dummy link's own left out: as it was found, and kept current by what the kernel announces. Pure.
package struct AddressHolders: Equatable, Sendable {
    private let dummyName: String
    private var dummyIndex: Int32?
    private var names: [Int32: String] = [:]
    /// One address can be on several links, and on one link with several prefix lengths.
    private var holders: [IPAddress: Set<LinkAddress>] = [:]

    package init(besideDummy name: String, links: [Link] = []) {
        dummyName = name
        for link in links {
            names[link.index] = link.name
            if isDummy(link) { dummyIndex = link.index }
        }
    }

    /// The name of the link that holds an address: of several the one that was there first, which has the lowest number.
    package func holder(of address: IPAddress) -> String? {
        guard let index = holders[address]?.lazy.map(\.linkIndex).min() else { return nil }
        // One without a name came between two dumps; its announcement is on its way.
        return names[index] ?? "number \(index)"
    }

    /// Every address that is held, with the name of the link.
    package var all: [IPAddress: String] {
        holders.reduce(into: [:]) { all, held in all[held.key] = holder(of: held.key) }
    }

    package mutating func insert(_ address: LinkAddress) {
        if address.linkIndex != dummyIndex { holders[address.address, default: []].insert(address) }
    }

    /// Takes in an announcement, and returns the addresses whose holder may be another now. Nil: what is known no longer suffices, find out
    /// anew.
    package mutating func take(_ event: LinkEvent) -> [IPAddress]? {
        switch event {
        case .addressAdded(let address):
            guard address.linkIndex != dummyIndex else { return [] }
            insert(address)
            return [address.address]
        case .addressRemoved(let address):
            guard address.linkIndex != dummyIndex else { return [] }
            return remove(address) ? [address.address] : []
        case .linkChanged(let link): return change(link)
        case .linkRemoved(let link):
            names[link.index] = nil
            if link.index == dummyIndex { dummyIndex = nil }
            return removeAll(of: link.index)
        case .lost: return nil
        }
    }

    private mutating func change(_ link: Link) -> [IPAddress]? {
        let formerName = names.updateValue(link.name, forKey: link.index)
        if isDummy(link) {
            // Another one of that name would have been removed or renamed before.
            dummyIndex = link.index
            return removeAll(of: link.index)
        }
        if link.index == dummyIndex {
            // Renamed, it is one of the others, with addresses that were not taken note of.
            dummyIndex = nil
            return nil
        }
        return formerName == link.name ? [] : holders.filter { $0.value.contains { $0.linkIndex == link.index } }.map(\.key)
    }

    private mutating func remove(_ address: LinkAddress) -> Bool {
        guard holders[address.address]?.remove(address) != nil else { return false }
        if holders[address.address]?.isEmpty == true { holders[address.address] = nil }
        return true
    }

    private mutating func removeAll(of index: Int32) -> [IPAddress] {
        let gone = holders.values.joined().filter { $0.linkIndex == index }
        for address in gone { _ = remove(address) }
        return gone.map(\.address)
    }

    /// One of the name that is of another kind is somebody else's.
    private func isDummy(_ link: Link) -> Bool { link.name == dummyName && link.kind == "dummy" }
}
