import Addresses
import ServiceModel

/// Decodes a `v1` Service and checks it as the API server does (`ValidateService` in `kubernetes/pkg/apis/core/validation`), except that
/// nothing is allocated.
struct ServiceDecoding {
    let name: ObjectName
    let metadata: Metadata
    let nodePorts: ClosedRange<UInt16>

    /// The Service; nil where something is wrong with it.
    func decode(_ reader: FieldReader, status: FieldReader) -> Service? {
        guard let spec = reader.fields() else {
            if !reader.isPresent { reader.error("missing: a Service needs one") }
            return nil
        }
        // Everything is looked at before anything is given up, so that a person sees all that is wrong at once.
        let type = spec["type"].word(ServiceType.self) ?? .clusterIP
        let addresses = ClusterAddressDecoding(type: type).decode(spec)
        let exposure = ExposureDecoding(type: type).decode(spec, status: status)
        let ports = ServicePortDecoding(nodePorts: nodePorts, type: type, needsNodePorts: exposure.needsNodePorts)
            .decode(spec["ports"], isOptional: type == .externalName || addresses == .headless)
        exposure.checkSize(ports: ports.count, spec)
        let service = Service(
            name: name, created: metadata.created(), type: type, clusterAddresses: addresses.addresses, ports: ports,
            affinityTimeout: affinityTimeout(spec),
            internalTrafficPolicy: spec["internalTrafficPolicy"].word(TrafficPolicy.self) ?? .cluster,
            externalTrafficPolicy: exposure.policy, externalAddresses: exposure.externalAddresses,
            loadBalancerAddresses: exposure.loadBalancerAddresses, sourceRanges: exposure.sourceRanges,
            healthCheckNodePort: exposure.healthCheckNodePort,
            publishNotReadyAddresses: spec["publishNotReadyAddresses"].boolean() ?? false,
            proxyName: proxyName(), annotations: metadata.annotations(under: Service.annotationPrefix))
        return reader.report.hasErrors ? nil : service
    }

    /// kube-proxy tells by the label's presence, whatever its value, that a Service is another proxy's.
    private func proxyName() -> String? {
        let label = "service.kubernetes.io/service-proxy-name"
        return metadata.hasLabel(label) ? metadata.label(label) ?? "" : nil
    }

    private enum Affinity: String, CaseIterable {
        case none = "None"
        case clientIP = "ClientIP"
    }

    private func affinityTimeout(_ spec: Fields) -> UInt32? {
        let affinity = spec["sessionAffinity"].word(Affinity.self) ?? .none
        let timeout = spec["sessionAffinityConfig"].fields()?["clientIP"].fields()?["timeoutSeconds"]
        let seconds = timeout?.integer(in: 1...86400, "number of seconds")
        guard affinity == .clientIP else {
            if let timeout, timeout.isPresent {
                timeout.error("a timeout without affinity; set sessionAffinity to ClientIP, or leave this out")
            }
            return nil
        }
        return seconds.map { UInt32($0) } ?? 10800
    }
}
