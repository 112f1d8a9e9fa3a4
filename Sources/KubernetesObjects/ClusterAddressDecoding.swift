import Addresses
import ServiceModel

/// Reads a Service's `clusterIP` and `clusterIPs`, which say the same thing: the first of the second is the first.
struct ClusterAddressDecoding {
    let type: ServiceType

    enum Outcome: Equatable {
        case addresses([IPAddress])
        /// `clusterIP: None`.
        case headless
        /// None, because the type has none or because something is wrong.
        case none

        var addresses: [IPAddress] { if case .addresses(let addresses) = self { addresses } else { [] } }
    }

    func decode(_ spec: Fields) -> Outcome {
        let single = spec["clusterIP"]
        let list = spec["clusterIPs"]
        let singleText = single.string().flatMap { $0.isEmpty ? nil : $0 }
        let texts = list.strings()
        if type == .externalName {
            if let singleText, singleText != "None" {
                single.error("an ExternalName has no cluster address; leave this out")
            } else if let first = texts.first, first.text != "None" {
                first.reader.error("an ExternalName has no cluster address; leave this out")
            }
            return .none
        }
        if texts.count > 2 {
            list.error("\(texts.count) addresses; at most 2, one of each family")
            return .none
        }
        if let singleText, let first = texts.first, first.text != singleText {
            first.reader.error("\(list.shown(first.text)) is not spec.clusterIP, which is \(list.shown(singleText)); they must agree")
            return .none
        }
        // Where only clusterIP is given it stands for both, as the API server fills it in.
        let given = !texts.isEmpty ? texts : singleText.map { [($0, single)] } ?? []
        guard let first = given.first else {
            if !spec.reader.report.hasErrors || !single.isPresent && !list.isPresent {
                single.error("missing: nothing is allocated here; give spec.clusterIP, or None for headless")
            }
            return .none
        }
        if first.text == "None" { return headless(given) }
        var addresses: [IPAddress] = []
        for (text, reader) in given {
            guard let address = reader.serviceAddress(text) else { continue }
            if addresses.contains(where: { $0.family == address.family }) {
                reader.error("\(address) is a second \(address.family) address; at most one of each family")
            } else {
                addresses.append(address)
            }
        }
        return .addresses(addresses)
    }

    private func headless(_ given: [(text: String, reader: FieldReader)]) -> Outcome {
        guard type == .clusterIP else {
            given.first?.reader.error("a \(type.rawValue) Service cannot be headless; give it an address")
            return .none
        }
        guard given.count == 1 else {
            given[1].reader.error("an address beside None")
            return .none
        }
        return .headless
    }
}

extension FieldReader {
    /// An address that packets may be sent to from elsewhere: not unspecified, loopback, multicast or link-local
    /// (`ValidateNonSpecialIP` in the API server).
    func serviceAddress(_ text: String) -> IPAddress? {
        guard let address = IPAddress(text) else {
            error("\"\(shown(text))\" is not an IP address")
            return nil
        }
        let fault: String? =
            if address.isUnspecified {
                "the unspecified address"
            } else if address.isLoopback {
                "a loopback address"
            } else if address.isMulticast {
                "a multicast address"
            } else if address.isLinkLocal {
                "a link-local address"
            } else {
                nil
            }
        guard let fault else { return address }
        error("\(address) is \(fault), which cannot be served from here")
        return nil
    }
}
