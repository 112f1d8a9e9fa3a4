import Testing

@testable import IPVS

@Suite struct TotalsTests {
    @Test func theCountersAreRead() throws {
        let totals = try IPVSTotals(
            text: """
                   Total Incoming Outgoing         Incoming         Outgoing
                   Conns  Packets  Packets            Bytes            Bytes
                      1F  FFFFFFFFF       0               A0                B

                 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
                       0        0        0                0                0

                """)
        #expect(totals.connections == 31 && totals.incomingPackets == 0xF_FFFF_FFFF && totals.outgoingPackets == 0)
        #expect(totals.incomingBytes == 160 && totals.outgoingBytes == 11)
    }

    @Test(arguments: ["", "a\nb", "a\nb\n", "a\nb\n1 2 3 4", "a\nb\n1 2 3 4 5 6", "a\nb\n1 2 3 4 x", "a\nb\n1 2 3 4 10000000000000000"])
    func whatTheKernelDoesNotWriteIsRefused(text: String) { #expect(throws: IPVSTableError.self) { try IPVSTotals(text: text) } }
}
