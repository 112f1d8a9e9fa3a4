import Addresses
import FoundationEssentials
import ServiceModel

/// Weights of real servers by address or by zone; 1 where neither is named.
struct Weights: Equatable, Sendable {
    private var byAddress: [IPAddress: Int32] = [:]
    private var byZone: [String: Int32] = [:]

    init() {}

    /// Reads `{"10.244.0.2": 3, "zone/a": 2}`. What is wrong is reported, and is as it was before; the rest counts.
    init(json text: String, previous: Weights?, report: (String) -> Void) {
        guard let weights = try? JSONDecoder().decode([String: Double].self, from: Data(text.utf8)) else {
            self = previous ?? Weights()
            let stays = previous == nil ? "every weight is 1" : "what was in force stays"
            report("is not a JSON object of numbers, such as {\"10.244.0.2\": 3, \"zone/a\": 2}; \(stays)")
            return
        }
        for (name, number) in weights.sorted(by: { $0.key < $1.key }) {
            let (zone, address) = (Self.zone(name), IPAddress(name))
            guard zone != nil || address != nil else {
                report("\"\(name)\" is neither an address nor zone/NAME; it is left out")
                continue
            }
            var weight = Int32(exactly: number).flatMap { $0 >= 0 ? $0 : nil }
            if weight == nil {
                weight = zone.flatMap { previous?.byZone[$0] } ?? address.flatMap { previous?.byAddress[$0] }
                let stays = weight.map { "it stays \($0)" } ?? "it is 1"
                report("the weight of \"\(name)\" is not a whole number from 0 to 2147483647; \(stays)")
            }
            guard let weight else { continue }
            if let zone { byZone[zone] = weight } else if let address { byAddress[address] = weight }
        }
    }

    private static func zone(_ name: String) -> String? {
        name.hasPrefix("zone/") && name.utf8.count > 5 ? String(name.dropFirst(5)) : nil
    }

    func weight(of endpoint: Endpoint) -> Int32 {
        if let weight = byAddress[endpoint.address] { return weight }
        if let zone = endpoint.zone, let weight = byZone[zone] { return weight }
        return 1
    }
}
