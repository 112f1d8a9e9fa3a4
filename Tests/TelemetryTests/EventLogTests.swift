import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct EventLogTests {
    private func log(_ count: Int, capacity: Int) -> EventLog {
        let log = EventLog(capacity: capacity)
        for number in 0..<count { log.post(.applied, about: "\(number + 1)", "done") }
        return log
    }

    @Test func numbersBeginAtOneAndGoOn() {
        let log = log(3, capacity: 8)
        #expect(log.after(0).map(\.number) == [1, 2, 3])
        #expect(log.after(0).map(\.about) == ["1", "2", "3"])
        #expect(log.after(2).map(\.number) == [3])
        #expect(log.after(3).isEmpty)
        #expect(log.last == 3)
        #expect(log.after(0, limit: 2).map(\.number) == [1, 2])
    }

    @Test func whoComesTooLateIsToldWhatIsMissing() throws {
        let log = log(20, capacity: 8)
        let events = log.after(3)
        let first = try #require(events.first)
        #expect(first.kind == .lost && first.about == "events 4 to 12" && first.number == 12)
        #expect(events.dropFirst().map(\.number) == Array(13...20))
        #expect(log.after(12).map(\.number) == Array(13...20), "asking after the lost one's number goes on without a gap")
        #expect(log.after(3, limit: 1).map(\.kind) == [.lost])
    }

    @Test func aNumberOfAnAgentBeforeThisOneBeginsAnew() {
        #expect(log(3, capacity: 8).after(900).map(\.number) == [1, 2, 3])
        #expect(log(3, capacity: 8).after(.max).map(\.number) == [1, 2, 3])
        #expect(log(0, capacity: 8).after(900).isEmpty)
    }

    @Test func everyReaderSeesEveryEventOrIsToldOfTheGap() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let capacity = Int.random(in: 1...9, using: &random)
            let log = EventLog(capacity: capacity)
            var (position, seen): (UInt64, Int) = (0, 0)
            for _ in 0..<40 {
                for _ in 0..<Int.random(in: 0...6, using: &random) { log.post(.drift, about: "\(log.last + 1)", "") }
                for event in log.after(position, limit: Int.random(in: 1...7, using: &random)) {
                    if event.kind == .lost {
                        #expect(event.about == "events \(position + 1) to \(event.number)")
                    } else {
                        #expect(event.number == position + 1 && event.about == "\(event.number)")
                        seen += 1
                    }
                    position = event.number
                }
            }
            #expect(log.after(position).last?.number ?? position == log.last)
            #expect(seen > 0)
        }
    }

    @Test func aFollowerGetsWhatWasAndWhatComes() async {
        let log = log(600, capacity: 4096)
        var batches = log.follow(after: 0).makeAsyncIterator()
        #expect(await batches.next()?.count == EventFollower.batch, "batches have a bound")
        #expect(await batches.next()?.count == EventFollower.batch)
        #expect(await batches.next()?.count == 600 - 2 * EventFollower.batch)
        async let next = log.follow(after: 600).first { _ in true }
        log.post(.drift, about: "x", "y")
        #expect(await next?.map(\.number) == [601])
    }

    @Test func aClosedLogEndsItsFollowersAfterTheLastEvent() async {
        let log = log(1, capacity: 8)
        var follower = log.follow(after: 0).makeAsyncIterator()
        #expect(await follower.next()?.map(\.number) == [1])
        log.post(.stopped, about: "agent", "")
        log.close()
        #expect(await follower.next()?.map(\.kind) == [.stopped])
        #expect(await follower.next() == nil)
        var late = log.follow(after: 1).makeAsyncIterator()
        #expect(await late.next()?.map(\.number) == [2])
        #expect(await late.next() == nil)
    }

    @Test func aFollowerThatIsCancelledEnds() async {
        let log = EventLog()
        let task = Task {
            for await _ in log.follow(after: 0) {}
            return true
        }
        task.cancel()
        #expect(await task.value)
    }

    @Test func manyMayPostWhileManyRead() async {
        let log = EventLog(capacity: 64)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    var position: UInt64 = 0
                    for await events in log.follow(after: 0) {
                        #expect(events.map(\.number) == events.map(\.number).sorted())
                        #expect(events.first.map { $0.number > position } ?? false)
                        position = events.last?.number ?? position
                    }
                    #expect(position == 4000)
                }
            }
            await withTaskGroup { posters in
                for _ in 0..<4 { posters.addTask { for _ in 0..<1000 { log.post(.drift, about: "", "") } } }
            }
            log.close()
        }
    }
}
