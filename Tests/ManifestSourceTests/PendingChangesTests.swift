import Testing

@testable import ManifestSource

@Suite struct PendingChangesTests {
    private let start = ContinuousClock.now
    private var pending = PendingChanges()

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test mutating func aFileIsReadWhenEventsPause() {
        pending.noteWritten("a", now: at(0))
        #expect(pending.take(now: at(3)) == nil)
        pending.noteWritten("b", now: at(3))
        #expect(pending.take(now: at(6)) == nil)
        #expect(pending.take(now: at(7))?.names == ["a": .changed, "b": .changed])
        #expect(pending.isEmpty)
        #expect(pending.wakeAt == nil)
    }

    @Test mutating func aBurstIsReadAfterAWhileAllTheSame() {
        var taken: [Int] = []
        for time in 0..<250 {
            pending.noteWritten("\(time)", now: at(time))
            if pending.take(now: at(time)) != nil { taken.append(time) }
        }
        #expect(taken == [100, 200])
    }

    @Test mutating func aFileThatComesBackIsNotGone() {
        pending.noteGone("a", now: at(0))
        #expect(pending.take(now: at(100)) == nil)
        pending.noteCreated("a", now: at(100))
        #expect(pending.take(now: at(500)) == nil)
        pending.noteTouched("a", now: at(500))
        #expect(pending.take(now: at(600)) == nil)
        pending.noteWritten("a", now: at(600))
        #expect(pending.take(now: at(604))?.names == ["a": .changed])
        pending.noteGone("a", now: at(700))
        #expect(pending.take(now: at(850))?.names == ["a": .gone])
    }

    @Test mutating func whatWaitsDoesNotHoldUpTheRest() {
        pending.noteCreated("slow", now: at(0))
        pending.noteWritten("a", now: at(1))
        #expect(pending.take(now: at(5))?.names == ["a": .changed])
        #expect(pending.wakeAt == at(3000))
    }

    @Test mutating func aRescanIsTold() {
        pending.noteRescan(now: at(0))
        #expect(pending.take(now: at(4))?.rescan == true)
        #expect(pending.take(now: at(100)) == nil)
    }

    /// Events as the kernel lays them out on a little-endian machine.
    @Test func eventsAreDecoded() {
        func event(_ mask: UInt32, _ name: String, padding: Int) -> [UInt8] {
            let text = Array(name.utf8) + [UInt8](repeating: 0, count: padding)
            func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number.littleEndian >> ($0 * 8)) } }
            return bytes(1) + bytes(mask) + bytes(0) + bytes(UInt32(text.count)) + text
        }
        var events: [DirectoryEvent] = []
        let bytes =
            event(0x8, "a.yaml", padding: 10) + event(0x4000, "", padding: 0) + event(0x200, "b.yaml", padding: 2)
            + event(0x400, "", padding: 0)
        DirectoryWatch.decode((bytes + [1, 2, 3])[...], into: &events)
        #expect(events == [.written("a.yaml"), .overflow, .removed("b.yaml"), .directoryGone])
    }

    /// What a file is waited for that is still being written, or may come back, is not about to come.
    @Test mutating func anUpdateIsComingOnceEventsPause() {
        #expect(!pending.isDueSoon(now: at(0)))
        pending.noteCreated("a", now: at(0))
        pending.noteGone("b", now: at(0))
        #expect(!pending.isDueSoon(now: at(10)))
        pending.noteWritten("a", now: at(10))
        #expect(pending.isDueSoon(now: at(10)) && pending.isDueSoon(now: at(14)))
        _ = pending.take(now: at(14))
        #expect(!pending.isDueSoon(now: at(14)), "the other may come back")
        #expect(pending.isDueSoon(now: at(146)))
        _ = pending.take(now: at(150))
        pending.noteRescan(now: at(200))
        #expect(pending.isDueSoon(now: at(200)))
    }
}
