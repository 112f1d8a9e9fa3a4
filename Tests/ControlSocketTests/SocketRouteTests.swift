import Testing

@testable import ControlSocket

@Suite struct SocketRouteTests {
    @Test(arguments: [
        ("/v1", SocketRoute.index), ("/v1/status", .status), ("/v1/services", .services(name: nil)),
        ("/v1/services?name=default/web", .services(name: "default/web")),
        ("/v1/services?name=default%2Fweb", .services(name: "default/web")), ("/v1/drift", .drift), ("/v1/plan", .plan),
        ("/v1/events", .events(after: 0, isFollowing: false)), ("/v1/events?after=17", .events(after: 17, isFollowing: false)),
        ("/v1/events?follow=true&after=17", .events(after: 17, isFollowing: true)),
        ("/v1/events?after=18446744073709551615&follow=false", .events(after: .max, isFollowing: false)),
        ("http://agent/v1/status", .status), ("/v1/status?", .status),
    ])
    func whatIsUnderstood(target: String, route: SocketRoute) throws {
        #expect(try SocketRoute(method: "GET", target: target) == route)
    }

    @Test(arguments: [
        ("GET", "/", 404), ("GET", "", 404), ("GET", "/v1/", 404), ("GET", "/v2/status", 404), ("GET", "/v1/status/x", 404),
        ("GET", "/v1/../v1/status", 404), ("GET", "*", 404),
        // These come with later versions; nothing is answered until then.
        ("GET", "/v1/health", 404), ("GET", "/v1/drains", 404), ("PUT", "/v1/admin/service/default", 404), ("POST", "/v1/apply", 404),
        ("POST", "/v1/status", 405), ("HEAD", "/v1/status", 405), ("DELETE", "/v1/services", 405), ("get", "/v1/status", 405),
        ("GET", "/v1/status?verbose=true", 400), ("GET", "/v1/services?nam=x", 400), ("GET", "/v1/services?name=a&name=b", 400),
        ("GET", "/v1/events?after=-1", 400), ("GET", "/v1/events?after=18446744073709551616", 400), ("GET", "/v1/events?after=", 400),
        ("GET", "/v1/events?after=1&after=2", 400), ("GET", "/v1/events?follow=yes", 400), ("GET", "/v1/events?after=%31%zz", 400),
    ])
    func whatIsNot(method: String, target: String, status: Int) {
        do throws(RequestProblem) {
            _ = try SocketRoute(method: method, target: target)
            Issue.record("\(target) was understood")
        } catch {
            #expect(error.status == status)
            #expect(!error.error.isEmpty && !error.remedy.isEmpty)
            #expect((error.allowed == "GET") == (status == 405))
        }
    }

    @Test func whatSomeoneElseWroteIsCut() {
        let problem = RequestProblem.unknown(path: String(repeating: "/x", count: 5000))
        #expect(problem.error.count < 200)
    }
}
