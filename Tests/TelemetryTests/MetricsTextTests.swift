import Foundation
import Telemetry
import Testing

@Suite struct MetricsTextTests {
    @Test func writesWhatPrometheusReads() {
        var text = MetricsText()
        text.begin("requests_total", .counter, "Requests\nby \\ code")
        text.add("requests_total", [("code", "200"), ("path", "a\"b\\c\nd")], 12 as UInt64)
        text.one("load", .gauge, "Load", 0.5)
        text.add("load", [("of", "all")], Double.infinity)
        #expect(
            String(decoding: text.data, as: UTF8.self) == """
                # HELP requests_total Requests\\nby \\\\ code
                # TYPE requests_total counter
                requests_total{code="200",path="a\\"b\\\\c\\nd"} 12
                # HELP load Load
                # TYPE load gauge
                load 0.5
                load{of="all"} +Inf

                """)
    }

    @Test func bucketsOfAHistogramAddUp() {
        var histogram = Histogram([0.1, 1, 10])
        for value in [0.05, 0.1, 0.5, 20] { histogram.observe(value) }
        var text = MetricsText()
        text.histogram("d", [("x", "y")], histogram)
        #expect(
            String(decoding: text.data, as: UTF8.self) == """
                d_bucket{x="y",le="0.1"} 2
                d_bucket{x="y",le="1"} 3
                d_bucket{x="y",le="10"} 3
                d_bucket{x="y",le="+Inf"} 4
                d_sum{x="y"} 20.65
                d_count{x="y"} 4

                """)
    }
}
