import Testing

@testable import ControlSocket

@Suite struct SocketRouteTests {
    @Test(arguments: [
        ("/v1", SocketRoute.index), ("/v1/status", .status), ("/v1/services", .services(name: nil)),
        ("/v1/services?name=default/web", .services(name: "default/web")),
        ("/v1/services?name=default%2Fweb", .services(name: "default/web")), ("/v1/drift", .drift), ("/v1/plan", .plan),
        ("/v1/health", .health), ("/v1/drains", .drains), ("/v1/admin", .hands),
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
        ("GET", "/v1/apply", 405), ("POST", "/v1/apply?force=yes", 400), ("POST", "/v1/apply?forced=true", 400),
        ("POST", "/v1/apply?tcp=0", 400), ("POST", "/v1/apply?tcp=-1", 400), ("POST", "/v1/apply?dryRun=true&dryRun=false", 400),
        ("PUT", "/v1/admin/service", 404), ("PUT", "/v1/admin//x", 404), ("PUT", "/v1/admin/service/", 404),
        ("PUT", "/v1/admin/service/%zz", 404), ("PUT", "/v1/admin/service/a%00b", 404), ("PUT", "/v1/admin/service/%ff", 404),
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
            #expect((error.allowed == (target == "/v1/apply" ? "POST" : "GET")) == (status == 405))
        }
    }

    @Test(arguments: [
        ("PUT", "/v1/admin/service/default/web", SocketRoute.setHand(scope: "service", key: "default/web")),
        ("DELETE", "/v1/admin/address/fd00::2", .clearHand(scope: "address", key: "fd00::2")),
        (
            "PUT", "/v1/admin/endpoint/default/web/%5Bfd00::2%5D:8080",
            .setHand(scope: "endpoint", key: "default/web/[fd00::2]:8080")
        ),
    ])
    func whatIsWritten(method: String, target: String, route: SocketRoute) throws {
        #expect(try SocketRoute(method: method, target: target) == route)
    }

    @Test(arguments: [("GET", "/v1/admin/service/a/b", "PUT, DELETE"), ("PUT", "/v1/status", "GET"), ("PUT", "/v1/admin", "GET")])
    func eachPathHasItsMethods(method: String, target: String, allowed: String) {
        do throws(RequestProblem) {
            _ = try SocketRoute(method: method, target: target)
            Issue.record("\(target) was understood")
        } catch {
            #expect(error.status == 405 && error.allowed == allowed)
        }
    }

    @Test func whatSomeoneElseWroteIsCut() {
        let problem = RequestProblem.unknown(path: String(repeating: "/x", count: 5000))
        #expect(problem.error.count < 200)
    }
}
