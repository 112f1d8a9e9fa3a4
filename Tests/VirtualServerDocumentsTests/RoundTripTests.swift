import Foundation
import IPVSModel
import ManifestSource
import NodeModel
import TableSamples
import TestSupport
import Testing

@testable import VirtualServerDocuments

/// What is written is read again as the same, whatever it is.
@Suite struct RoundTripTests {
    @Test(arguments: 0..<200) func aListIsTheSameAfterJSON(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let list = RandomTables.list(&random)
        let data = try JSONEncoder().encode(list.document)
        #expect(try VirtualServerList(reading: Array(data), file: "t.json") == list)
    }

    @Test(arguments: 0..<200) func aListIsTheSameAfterIPVSAdm(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let list = RandomTables.list(&random)
        let (read, problems) = IPVSAdmText.read(IPVSAdmText.text(list))
        #expect(problems.isEmpty, "\(problems)")
        #expect(read == list)
    }

    /// Whatever is read, nothing crashes, and what is accepted is written so that it is the same again.
    @Test(arguments: 0..<300) func damagedTextIsRefusedOrMeansSomething(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let list = RandomTables.list(&random, count: 3)
        let lines = random.mutated(Array(IPVSAdmText.text(list).utf8))
        let (read, problems) = IPVSAdmText.read(String(decoding: lines, as: UTF8.self))
        if problems.isEmpty { #expect(IPVSAdmText.read(IPVSAdmText.text(read)).list == read) }
        let json = random.mutated(Array(try JSONEncoder().encode(list.document)))
        if let read = try? VirtualServerList(reading: json, file: "t") {
            #expect(try VirtualServerList(reading: Array(JSONEncoder().encode(read.document)), file: "t") == read)
        }
    }

    /// As `ipvsadm -Sn` of Debian 12 printed it.
    @Test func readsWhatIPVSAdmSaved() throws {
        let text = """
            -A -t 10.96.0.10:80 -s wrr -p 600 -M 255.255.255.0
            -a -t 10.96.0.10:80 -r 10.244.0.2:8080 -m -w 3
            -A -u 10.96.0.11:53 -s sh -o -b sh-port
            -a -u 10.96.0.11:53 -r 10.1.0.2:53 -g -w 1
            -A -t [fd00::a]:443 -s mh -p 300 -M 64 -b mh-fallback,mh-port
            -a -t [fd00::a]:443 -r [fd00::2]:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
            -A -f 7 -6 -s rr

            """
        let (list, problems) = IPVSAdmText.read(text)
        #expect(problems.isEmpty)
        #expect(list.servers.count == 4)
        #expect(IPVSAdmText.text(list) == text)
    }

    /// What a person writes: long names, an address without a port, defaults.
    @Test func readsLongNamesAndDefaults() throws {
        let (list, problems) = IPVSAdmText.read(
            """
            # a comment

            --add-service --tcp-service 192.0.2.1:80
            --add-server --tcp-service 192.0.2.1:80 --real-server 192.0.2.9:80 --weight=5
            -A -t 192.0.2.2 -p
            """)
        #expect(problems.isEmpty, "\(problems)")
        let states = list.servers.sorted { $0.key < $1.key }.map(\.value)
        #expect(states.map(\.configuration.scheduler) == [.weightedLeastConnection, .weightedLeastConnection])
        #expect(states[0].realServers.values.first == .init(forwarding: .direct, weight: 5))
        #expect(states[1].configuration.persistence?.timeout == 360)
    }

    @Test(arguments: [
        ("-A -t 10.0.0.1:80 -s rr -Q", "1, -Q: unknown option"),
        (
            "-A -t web:http -s rr",
            "1, -t: \"web:http\" is not an address and port such as 10.0.0.1:80 (save with ipvsadm -Sn, which writes no names)"
        ),
        ("-A -t 10.0.0.1:80 -s", "1, -s: its value is missing"),
        ("-A -t 10.0.0.1:80 -p 0", "1, -p: \"0\" is not a number (1…2147483)"),
        ("\n-a -t 10.0.0.1:80 -r 10.0.0.2:80", "2: tcp 10.0.0.1:80 was not added before"),
        ("-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80", "2: tcp 10.0.0.1:80 was added before"),
        ("-A -s rr", "1: missing: -t, -u, --sctp-service or -f"),
        ("-E -t 10.0.0.1:80", "1: \"-E\" where -A or -a is wanted"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -w 2147483648", "2, -w: \"2147483648\" is not a number (0…2147483647)"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -x 1 -y 2", "2: the lower threshold is above the upper one"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -i --tun-type gue", "2: --tun-type gue needs --tun-port"),
        ("-A -t 10.0.0.1:80 --shceduler rr", "1, --shceduler: unknown option; did you mean --scheduler?"),
    ])
    func aWrongLineIsToldWithItsOption(_ text: String, _ problem: String) {
        #expect(IPVSAdmText.read(text).problems.map(\.description) == [problem])
    }
}
