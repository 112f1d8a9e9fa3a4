import Addresses
import ServiceModel
import Testing

@testable import KubernetesSource

/// What lists and events come to, and when it is passed on.
@Suite struct MirrorTests {
    private static func service(_ name: String, _ last: UInt8 = 1) -> ClusterMirror.Reading {
        let name = ObjectName(namespace: "default", name: name)
        return .object(
            .service(Service(name: name, clusterAddresses: [IPAddress("10.96.0.\(last)")].compactMap(\.self), ports: [])),
            uid: "2203428a-f883-4c12-a903-7a90b508e7b1", problems: [])
    }
    private static let slice = ClusterMirror.Reading.object(
        .endpointSlice(
            EndpointSlice(
                name: ObjectName(namespace: "default", name: "s"), service: ObjectName(namespace: "default", name: "a"), family: .ipv4,
                ports: [],
                endpoints: [])), uid: "", problems: [])
    private static let node = ClusterMirror.Reading.object(.node(Node(name: "n1")), uid: "", problems: [])

    private static func list(_ mirror: inout ClusterMirror, _ kind: SourceObject.Kind, _ readings: [ClusterMirror.Reading]) -> Bool {
        mirror.beginList(kind)
        for reading in readings { mirror.take(kind, reading) }
        return mirror.endList(kind)
    }

    private static func synced(_ services: [String], share: Int = 25) -> ClusterMirror {
        var mirror = ClusterMirror(place: "api", node: "n1", removalGuard: RemovalGuard(share: share))
        _ = list(&mirror, .service, services.map { service($0) })
        _ = list(&mirror, .endpointSlice, [slice])
        _ = list(&mirror, .node, [node])
        _ = mirror.takeUpdate()
        return mirror
    }

    @Test func nothingIsPassedOnBeforeEverythingWasListed() {
        var mirror = ClusterMirror(place: "api", node: "n1")
        let result1 = Self.list(&mirror, .service, [Self.service("a"), Self.service("b")])
        #expect(!result1)
        let result2 = mirror.takeUpdate()
        #expect(result2 == nil)
        let result3 = Self.list(&mirror, .endpointSlice, [Self.slice])
        #expect(!result3)
        let result4 = mirror.takeUpdate()
        #expect(result4 == nil)
        mirror.remove(.service, ObjectName(namespace: "default", name: "b"))
        let result5 = Self.list(&mirror, .node, [Self.node])
        #expect(!result5)
        let update = mirror.takeUpdate()
        #expect(update?.isSynced == true && update?.removed == [] && update?.problems == [])
        #expect(update?.changed.map(\.key.description) == ["EndpointSlice default/s", "Node n1", "Service default/a"])
        let result6 = mirror.takeUpdate()
        #expect(result6 == nil)
    }

    @Test func aMissingNodeIsWaitedFor() {
        var mirror = ClusterMirror(place: "api", node: "n1")
        _ = Self.list(&mirror, .service, [Self.service("a")])
        _ = Self.list(&mirror, .endpointSlice, [Self.slice])
        _ = Self.list(&mirror, .node, [])
        let waiting = mirror.takeUpdate()
        #expect(waiting?.isSynced == false && waiting?.changed == [] && waiting?.problems?.first?.message.contains("no Node n1") == true)
        mirror.take(.node, Self.node)
        let update = mirror.takeUpdate()
        #expect(update?.isSynced == true && update?.changed.count == 3)
    }

    @Test func aRelistYieldsExactlyTheDifferences() {
        var mirror = Self.synced(["a", "b", "c", "d", "e"])
        _ = Self.list(
            &mirror, .service, [Self.service("a"), Self.service("b", 9), Self.service("c"), Self.service("d"), Self.service("f")])
        let update = mirror.takeUpdate()
        #expect(update?.changed.map(\.key.description) == ["Service default/b", "Service default/f"])
        #expect(update?.removed.map(\.description) == ["Service default/e"])
        let result7 = Self.list(&mirror, .service, ["a", "c", "d", "f"].map { Self.service($0) } + [Self.service("b", 9)])
        #expect(!result7)
        let result8 = mirror.takeUpdate()
        #expect(result8 == nil, "the same again is nothing")
    }

    @Test func oneEmptyListRemovesNothingAndTwoDo() {
        var mirror = Self.synced(["a", "b", "c"])
        let result9 = Self.list(&mirror, .service, [])
        #expect(result9)
        let held = mirror.takeUpdate()
        #expect(
            held?.removed == []
                && held?.problems?.map(\.message) == ["a list lacks 3 of 3 Services; they stay until a second one confirms it"])
        let result10 = Self.list(&mirror, .service, [])
        #expect(!result10)
        let update = mirror.takeUpdate()
        #expect(update?.removed.count == 3 && update?.problems == [])
    }

    @Test func aSecondListThatContradictsRemovesNothing() {
        var mirror = Self.synced(["a", "b", "c"])
        let result11 = Self.list(&mirror, .service, [])
        #expect(result11)
        let result12 = Self.list(&mirror, .service, ["a", "b", "c"].map { Self.service($0) })
        #expect(!result12)
        let update = mirror.takeUpdate()
        #expect(update?.removed == [] && update?.changed == [] && update?.problems == [])
        #expect(mirror.count == 5)
    }

    @Test func whatBothListsLackGoesAndTheRestIsJudgedAnew() {
        var mirror = Self.synced(["a", "b", "c", "d"])
        let result13 = Self.list(&mirror, .service, [Self.service("c"), Self.service("d")])
        #expect(result13, "a and b are suspected")
        let result14 = Self.list(&mirror, .service, [Self.service("b")])
        #expect(result14, "c and d are suspected; a is gone")
        let result15 = mirror.takeUpdate()
        #expect(result15?.removed.map(\.description) == ["Service default/a"])
        let result16 = Self.list(&mirror, .service, [Self.service("b")])
        #expect(!result16)
        let result17 = mirror.takeUpdate()
        #expect(result17?.removed.map(\.description) == ["Service default/c", "Service default/d"])
    }

    @Test func theGuardCanBeTurnedOffAndHasItsShare() {
        var mirror = Self.synced(["a", "b", "c"], share: 100)
        let result18 = Self.list(&mirror, .service, [])
        #expect(!result18)
        var other = Self.synced(["a", "b", "c", "d"], share: 25)
        let result19 = Self.list(&other, .service, ["a", "b", "c"].map { Self.service($0) })
        #expect(!result19, "a quarter is not more than a quarter")
        let result20 = Self.list(&other, .service, ["a", "b"].map { Self.service($0) })
        #expect(result20)
    }

    @Test func anEmptyClusterIsBelievedTheSecondTime() {
        var mirror = ClusterMirror(place: "api", node: "n1")
        let result21 = Self.list(&mirror, .service, [])
        #expect(result21)
        _ = Self.list(&mirror, .endpointSlice, [Self.slice])
        _ = Self.list(&mirror, .node, [Self.node])
        let result22 = mirror.takeUpdate()
        #expect(result22?.isSynced == false)
        let result23 = Self.list(&mirror, .service, [])
        #expect(!result23)
        let result24 = mirror.takeUpdate()
        #expect(result24?.isSynced == true)
    }

    @Test func aBadObjectKeepsItsLastGoodVersion() {
        var mirror = Self.synced(["a", "b", "c", "d", "e"])
        let name = ObjectName(namespace: "default", name: "a")
        let problem = SourceProblem(place: "Service default/a, spec.ports", message: "wrong")
        mirror.take(.service, .bad(name, problems: [problem]))
        let result25 = mirror.takeUpdate()
        #expect(result25 == SourceUpdate(problems: [problem]))
        _ = Self.list(&mirror, .service, ["b", "c", "d", "e"].map { Self.service($0) } + [.bad(name, problems: [problem])])
        let result26 = mirror.takeUpdate()
        #expect(result26 == nil, "it is there, and stays")
        mirror.take(.service, Self.service("a"))
        let result27 = mirror.takeUpdate()
        #expect(result27 == SourceUpdate(problems: []), "it is good again, and as it was")
        _ = Self.list(&mirror, .service, ["b", "c", "d", "e"].map { Self.service($0) })
        let result28 = mirror.takeUpdate()
        #expect(result28?.removed == [SourceObject.Key(.service, name)])
    }

    @Test func problemsGoWithTheirObjects() {
        var mirror = Self.synced(["a", "b"])
        let bad = ClusterMirror.Reading.bad(
            ObjectName(namespace: "default", name: "new"), problems: [SourceProblem(place: "new", message: "wrong")])
        _ = Self.list(&mirror, .service, [Self.service("a"), Self.service("b"), bad])
        let result29 = mirror.takeUpdate()
        #expect(result29?.problems?.count == 1)
        _ = Self.list(&mirror, .service, [Self.service("a"), Self.service("b")])
        let result30 = mirror.takeUpdate()
        #expect(result30?.problems == [])
    }

    @Test func whatCannotBeNamedMayBeAnything() {
        var mirror = Self.synced(["a", "b", "c", "d", "e"])
        let nameless = ClusterMirror.Reading.bad(nil, problems: [SourceProblem(place: "a Service without a name", message: "wrong")])
        _ = Self.list(&mirror, .service, ["b", "c", "d", "e"].map { Self.service($0) } + [nameless])
        let update = mirror.takeUpdate()
        #expect(update?.removed == [] && update?.problems?.count == 1)
        _ = Self.list(&mirror, .service, ["b", "c", "d", "e"].map { Self.service($0) })
        let result31 = mirror.takeUpdate()
        #expect(result31?.removed.count == 1)
    }

    @Test func anOutageIsToldAndKeepsEverything() {
        var mirror = Self.synced(["a"])
        mirror.setTrouble(.service, "connection refused")
        mirror.setTrouble(.node, "connection refused")
        let update = mirror.takeUpdate()
        #expect(
            update?.problems == [
                SourceProblem(place: "api", message: "connection refused; what it said last stays in force", isError: false)
            ])
        #expect(update?.removed == [] && update?.changed == [])
        mirror.setTrouble(.service, nil)
        mirror.setTrouble(.node, nil)
        let result32 = mirror.takeUpdate()
        #expect(result32?.problems == [])
    }

    @Test func identifiersAreKept() {
        let mirror = Self.synced(["a"])
        #expect(mirror.uid(of: ObjectName(namespace: "default", name: "a")) == "2203428a-f883-4c12-a903-7a90b508e7b1")
        for text in [
            "", "x", "2203428a-f883-4c12-a903-7a90b508e7b", "2203428a-f883-4c12-a903-7a90b508e7b10", "2203428A-f883-4c12-a903-7a90b508e7b1",
        ] {
            #expect(ObjectUID(text) == nil)
        }
        #expect(ObjectUID("00000000-0000-0000-0000-00000000000f")?.description == "00000000-0000-0000-0000-00000000000f")
    }
}
