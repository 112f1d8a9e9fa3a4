import IPSets
import IPVS
import IPVSModel
import Links
import NetlinkTransport
package import NodeKernel
import NodeModel

/// The look at everything in slices.
extension LinuxKernel {
    /// How long a slice goes on taking steps, and with how many things seen it ends in any case. A step takes a small part of that time, but where
    /// the kernel walks a large table for it: then it is the only one.
    private static var sliceTime: Duration { .milliseconds(2) }
    private static var sliceCount: Int { 2000 }

    package func beginSweep(passingServers: Bool) async {
        sweep = Sweep(passesServers: passingServers)
    }

    package func nextSightings() async -> [Sighting]? {
        // Taken out, so that nothing in it is copied while it grows.
        guard var current = sweep.take() else { return nil }
        var time = ContinuousClock.now
        let end = time + Self.sliceTime
        var next = time
        repeat {
            let began = time
            step(&current)
            time = .now
            // The next will take about as long.
            next = time + (time - began)
        } while current.part != nil && current.count < Self.sliceCount && next < end
        let sightings = current.takeSightings()
        if current.part != nil { sweep = consume current }
        return sightings
    }

    /// Lets go of a set that the sweep is reading, which the kernel would refuse to destroy. The sweep begins anew with that set.
    func release(_ key: SetKey) {
        guard var current = sweep.take() else { return }
        if current.part == .sets, current.sets.last == key { current.repeatPart() }
        sweep = consume current
    }

    private func step(_ sweep: inout Sweep) {
        do throws(KernelFailure) {
            switch sweep.part {
            case .virtualServers: try stepVirtualServers(&sweep)
            case .timeouts:
                sweep.see(.timeouts(try withIPVS { (handle) throws(IPVSError) in try handle.timeouts() }))
                sweep.pass()
            case .text: try stepText(&sweep)
            case .single: try stepSingle(&sweep)
            case .sysctls:
                sweep.see(.sysctls(readSysctls()))
                sweep.pass()
            case .link: try stepLink(&sweep)
            case .sets: try stepSets(&sweep)
            case nil: return
            }
            sweep.countStep()
        } catch {
            sweep.hide(error)
        }
    }

    private func stepVirtualServers(_ sweep: inout Sweep) throws(KernelFailure) {
        var dump: VirtualServerDump
        if let open = sweep.virtualServers.take() {
            dump = open
        } else {
            dump = try withIPVS { (handle) throws(IPVSError) in try handle.virtualServerDump() }
        }
        var seen: [VirtualServer] = []
        let progress: NetlinkDumper.Progress
        do throws(IPVSError) { progress = try dump.next { seen.append($0) } } catch { throw KernelFailure(error) }
        if !seen.isEmpty { sweep.see(.virtualServers(seen), count: seen.count) }
        sweep.note(seen.lazy.map(\.key))
        switch progress {
        case .unfinished: sweep.virtualServers = consume dump
        case .finished:
            sweep.chooseLook(mostInText: mostInText)
            sweep.pass()
        case .interrupted: sweep.repeatPart()
        }
    }

    private func stepText(_ sweep: inout Sweep) throws(KernelFailure) {
        guard sweep.readsText else { return sweep.pass() }
        var table: IPVSTableReader
        if let open = sweep.table.take() {
            table = open
        } else {
            table = try withIPVS { (handle) throws(IPVSError) in try handle.tableReader() }
        }
        let page: [IPVSTableEntry]?
        do throws(IPVSError) { page = try table.nextEntries(.page) } catch { throw KernelFailure(error) }
        guard let page else { return sweep.pass() }
        var seen: [VirtualServer.Key: [RealServer.Key: RealServer.Configuration]] = [:]
        var count = 0
        for entry in page {
            guard let key = entry.key else { continue }
            seen[key] = entry.shownRealServers
            count += 1 + entry.realServers.count
        }
        if !seen.isEmpty { sweep.see(.realServers(seen), count: count) }
        sweep.table = consume table
    }

    private func stepSingle(_ sweep: inout Sweep) throws(KernelFailure) {
        guard let key = sweep.takeSingle() else { return sweep.pass() }
        let servers = try withIPVS { (handle) throws(IPVSError) in try handle.shownRealServers(of: key) }
        sweep.see(.realServers([key: servers]), count: 1 + servers.count)
    }

    private func stepLink(_ sweep: inout Sweep) throws(KernelFailure) {
        do throws(LinkError) {
            var look: LinkLook
            if let open = sweep.link.take() { look = open } else { look = try LinkLook(linkName) }
            switch try look.next() {
            case .someLinks: break
            case .link(let link): sweep.see(.link(DummyLink(link)))
            case .hostAddresses(let addresses): sweep.see(.addresses(addresses), count: addresses.count)
            case .others(let others):
                let all = others.all
                sweep.see(.otherAddresses(all), count: all.count)
                return sweep.pass()
            case .interrupted: return sweep.repeatPart()
            }
            sweep.link = consume look
        } catch {
            throw KernelFailure(error)
        }
    }

    private func stepSets(_ sweep: inout Sweep) throws(KernelFailure) {
        guard let key = sweep.sets.last else { return sweep.pass() }
        do throws(SetError) {
            var reader: SetReader
            if let open = sweep.reader.take() { reader = open } else { reader = try SetReader() }
            if !reader.isReading { try reader.begin(key) }
            let piece = try reader.next()
            if let header = piece.header { sweep.see(.set(key, header)) }
            if !piece.entries.isEmpty { sweep.see(.members(key, piece.entries), count: piece.entries.count) }
            switch piece.progress {
            case .unfinished: break
            case .finished: sweep.sets.removeLast()
            case .interrupted: return sweep.repeatPart()
            }
            sweep.reader = consume reader
        } catch {
            throw KernelFailure(error)
        }
    }
}
