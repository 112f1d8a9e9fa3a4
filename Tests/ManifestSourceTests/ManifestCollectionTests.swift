import Addresses
import ManifestSource
import ServiceModel
import Testing

@Suite struct ManifestCollectionTests {
    private var collection = ManifestCollection()

    /// A Service of that name; the port tells versions apart. A port of 0 makes it bad.
    private static func service(_ name: String, _ port: Int) -> String {
        "apiVersion: v1\nkind: Service\nmetadata: {name: \(name)}\nspec: {clusterIP: 10.0.0.1, ports: [{port: \(port)}]}\n---\n"
    }

    private mutating func put(_ file: String, _ text: String) { collection.replace(file, with: ManifestReader().read(text, file: file)) }

    /// The update since the last one, in short: `+a:80` for a Service that is new or changed, `-a` for one that is gone.
    private mutating func update() -> [String]? {
        guard let update = collection.takeUpdate(isSynced: true) else { return nil }
        let changed = update.changed.map { object -> String in
            guard case .service(let service) = object else { return "?" }
            return "+\(service.name.name):\(service.ports.first?.port ?? 0)"
        }
        return changed + update.removed.map { "-\($0.name.name)" }
    }

    @Test mutating func onlyWhatDiffersIsDelivered() {
        put("a.yaml", Self.service("a", 1) + Self.service("b", 1))
        #expect(update() == ["+a:1", "+b:1"])
        put("a.yaml", "# moved down\n" + Self.service("a", 1) + Self.service("b", 2))
        #expect(update() == ["+b:2"])
        put("a.yaml", Self.service("a", 1) + Self.service("b", 2))
        #expect(update() == nil)
        put("a.yaml", Self.service("c", 1))
        #expect(update() == ["+c:1", "-a", "-b"])
        collection.remove("a.yaml")
        #expect(update() == ["-c"])
    }

    @Test mutating func aSyntaxErrorKeepsTheWholeFile() {
        put("a.yaml", Self.service("a", 1) + Self.service("b", 1))
        _ = update()
        put("a.yaml", Self.service("a", 2) + "[")
        #expect(update() == [])
        #expect(collection.problems.count == 1)
        put("a.yaml", Self.service("a", 2))
        #expect(update() == ["+a:2", "-b"])
        #expect(collection.problems == [])
    }

    @Test mutating func aBadDocumentKeepsItsLastGoodVersionWhileOthersAreApplied() {
        put("a.yaml", Self.service("a", 1) + Self.service("b", 1))
        _ = update()
        put("a.yaml", Self.service("a", 0) + Self.service("b", 2))
        #expect(update() == ["+b:2"])
        // Still kept when the file changes elsewhere.
        put("a.yaml", Self.service("a", 0) + Self.service("b", 3))
        #expect(update() == ["+b:3"])
        put("a.yaml", Self.service("a", 4))
        #expect(update() == ["+a:4", "-b"])
    }

    @Test mutating func aDocumentThatIsBadFromTheStartHasNothingToKeep() {
        put("a.yaml", Self.service("a", 0) + Self.service("b", 1))
        #expect(update() == ["+b:1"])
        #expect(collection.problems.count == 1)
    }

    @Test mutating func aDocumentWithoutAReadableNameRemovesNothing() {
        put("a.yaml", Self.service("a", 1) + Self.service("b", 1))
        _ = update()
        put("a.yaml", Self.service("a", 2) + "apiVersion: v1\nkind: Service\nmetadata: {nam: b}\n")
        #expect(update() == ["+a:2"])
        put("a.yaml", Self.service("a", 2))
        #expect(update() == ["-b"])
    }

    @Test mutating func theFirstOfTwoStandsAndTheOtherTakesOver() {
        put("b.yaml", Self.service("x", 2))
        #expect(update() == ["+x:2"])
        put("c.yaml", Self.service("x", 3) + Self.service("x", 4))
        #expect(update() == [])
        #expect(
            collection.problems.map(\.description) == [
                "c.yaml:1, document 1, Service default/x: already given at b.yaml:1, document 1; that one stands",
                "c.yaml:6, document 2, Service default/x: already given at b.yaml:1, document 1; that one stands",
            ])
        put("a.yaml", Self.service("x", 1))
        #expect(update() == ["+x:1"])
        #expect(collection.problems.count == 3)
        collection.remove("a.yaml")
        collection.remove("b.yaml")
        #expect(update() == ["+x:3"])
        #expect(
            collection.problems.map(\.description) == [
                "c.yaml:6, document 2, Service default/x: already given at c.yaml:1, document 1; that one stands"
            ])
        put("c.yaml", Self.service("x", 4))
        #expect(update() == ["+x:4"])
        #expect(collection.problems == [])
    }

    @Test mutating func anObjectThatMovesBetweenFilesIsNotRemoved() {
        put("a.yaml", Self.service("x", 1))
        _ = update()
        collection.remove("a.yaml")
        put("b.yaml", Self.service("x", 1))
        #expect(update() == nil)
    }

    @Test mutating func anUnreadableFileKeepsWhatItSaid() {
        put("a.yaml", Self.service("a", 1))
        _ = update()
        collection.fail("a.yaml", [SourceProblem(place: "a.yaml", message: "the file cannot be opened")])
        #expect(update() == [])
        #expect(collection.problems.map(\.description) == ["a.yaml: the file cannot be opened"])
    }

    @Test mutating func problemsAreDeliveredOnlyWhenTheyChange() {
        put("a.yaml", Self.service("a", 0))
        #expect(collection.takeUpdate(isSynced: true)?.problems?.count == 1)
        put("b.yaml", Self.service("b", 1))
        #expect(collection.takeUpdate(isSynced: true)?.problems == nil)
        collection.setDirectoryProblem(SourceProblem(place: "/m", message: "gone"))
        #expect(
            collection.takeUpdate(isSynced: true)?.problems?.map(\.place) == [
                "/m", "a.yaml:4, document 1, Service default/a, spec.ports[0].port",
            ])
        collection.setDirectoryProblem(nil)
        collection.remove("a.yaml")
        #expect(collection.takeUpdate(isSynced: true)?.problems == [])
    }
}
