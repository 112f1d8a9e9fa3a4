// lab-peer: the servers and clients of the lab, as one small program.
//
// A server tells in every answer who it is, from where it was asked and on which address, so that a
// client sees which server a load balancer chose and what became of its own address on the way.

#define _GNU_SOURCE
#include "confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SOME_FAILED = 1, EXIT_USAGE = 2 };

static const char usage_text[] =
    "lab-peer serve NAME [--http PORT]... [--tcp PORT]... [--udp PORT]... [--sctp PORT]...\n"
    "    Answers `NAME client=ADDRESS:PORT server=ADDRESS:PORT`: to each HTTP request, to each\n"
    "    datagram, and as the greeting of a plain TCP or SCTP connection, which then echoes.\n"
    "    Each SIGUSR1 has it begin, or cease, to answer HTTP with status 500.\n"
    "    HTTP path /slow answers after a second. Prints `ready` when it listens.\n"
    "lab-peer get ADDRESS PORT [--count N] [--bind ADDRESS] [--path PATH] [--timeout MS] [--summary]\n"
    "    N HTTP requests, each on a connection of its own.\n"
    "lab-peer udp ADDRESS PORT [--count N] [--same-port] [--bind ADDRESS] [--timeout MS] [--summary]\n"
    "lab-peer sctp ADDRESS PORT [--count N] [--bind ADDRESS] [--timeout MS] [--summary]\n"
    "lab-peer hold ADDRESS PORT --seconds S [--interval MS] [--bind ADDRESS] [--timeout MS]\n"
    "    One connection to a --tcp port that must live: a line each interval, each echo checked.\n"
    "lab-peer load ADDRESS PORT --concurrency C [--seconds S] [--bind ADDRESS] [--timeout MS]\n"
    "    Keeps C connections to a --tcp port open and prints their distribution.\n"
    "lab-peer list < LINES\n"
    "    Many at once: a line `TAG get|udp|sctp ADDRESS PORT [OPTION]...` each. Prints `TAG ANSWER`, and\n"
    "    `TAG failed: REASON` for the first request of a line that fails, which ends that line.\n"
    "lab-peer confine ROOT CAPABILITY,...|all PROGRAM [ARG]...\n"
    "    Becomes a program in that root directory, with those of root's capabilities (NET_ADMIN, ...).\n"
    "Exit status: 0 all went well, 1 something failed, 2 wrong usage.\n";

static volatile sig_atomic_t stop_asked;
static volatile sig_atomic_t is_failing;

static void ask_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void turn_failing(int signal_number)
{
    (void)signal_number;
    is_failing = !is_failing;
}

static void catch_signals(void)
{
    struct sigaction turn = {.sa_handler = turn_failing};
    sigaction(SIGUSR1, &turn, NULL);
    struct sigaction action = {.sa_handler = ask_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

_Noreturn static void fail_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("lab-peer: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(EXIT_USAGE);
}

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "lab-peer: %s: %s\n", what, strerror(errno));
    exit(EXIT_SOME_FAILED);
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static long number(const char *text, long low, long high)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < low || value > high)
        fail_usage("'%s' is not a number from %ld to %ld", text, low, high);
    return value;
}

// Addresses ----------------------------------------------------------------------------------

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

static socklen_t address_length(const address *a)
{
    return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

static address parse_address(const char *text, int port)
{
    address result;
    memset(&result, 0, sizeof result);
    if (inet_pton(AF_INET, text, &result.v4.sin_addr) == 1) {
        result.v4.sin_family = AF_INET;
        result.v4.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, text, &result.v6.sin6_addr) == 1) {
        result.v6.sin6_family = AF_INET6;
        result.v6.sin6_port = htons((uint16_t)port);
    } else {
        fail_usage("'%s' is not an IP address", text);
    }
    return result;
}

// An IPv4 peer of a dual-stack socket is written as the IPv4 address that it is.
static void format_address(const address *a, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    if (a->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%d", host, ntohs(a->v4.sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
        inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], host, sizeof host);
        snprintf(text, size, "%s:%d", host, ntohs(a->v6.sin6_port));
    } else {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%d", host, ntohs(a->v6.sin6_port));
    }
}

// Server -------------------------------------------------------------------------------------

enum service { HTTP, TCP_ECHO, UDP_ANSWER, SCTP_ECHO };

// One open socket of the server: a listener, a datagram socket or a connection.
struct endpoint {
    int fd;
    enum service service;
    bool listening;
    int port;
    long answer_at; // a /slow answer waits until then; 0 when none does
    bool close_after;
    size_t length;
    char input[4096];
    char line[256];
    struct endpoint *next;
};

static struct endpoint *endpoints;
static int poller;
static const char *server_name;

static void identity_line(char *line, size_t size, const address *client, const address *server)
{
    char from[64], at[64];
    format_address(client, from, sizeof from);
    format_address(server, at, sizeof at);
    snprintf(line, size, "%s client=%s server=%s\n", server_name, from, at);
}

static struct endpoint *add_endpoint(int fd, enum service service, bool listening, int port)
{
    struct endpoint *e = calloc(1, sizeof *e);
    if (!e)
        fail("memory");
    e->fd = fd;
    e->service = service;
    e->listening = listening;
    e->port = port;
    e->next = endpoints;
    endpoints = e;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = e};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
    return e;
}

static void remove_endpoint(struct endpoint *gone)
{
    for (struct endpoint **link = &endpoints; *link; link = &(*link)->next) {
        if (*link == gone) {
            *link = gone->next;
            break;
        }
    }
    close(gone->fd);
    free(gone);
}

static void listen_on(enum service service, int port)
{
    static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_STREAM};
    int protocol = service == SCTP_ECHO ? IPPROTO_SCTP : 0, on = 1, off = 0;
    int fd = socket(AF_INET6, types[service] | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    address any = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};
    if (bind(fd, &any.any, sizeof any.v6) < 0)
        fail("bind");
    if (service == UDP_ANSWER) {
        // A datagram is answered from the address that it was sent to.
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    } else if (listen(fd, 1024) < 0) {
        fail("listen");
    }
    add_endpoint(fd, service, true, port);
}

static void answer_datagram(struct endpoint *e)
{
    char data[2048], control[256], line[256];
    address client;
    memset(&client, 0, sizeof client);
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_name = &client, .msg_namelen = sizeof client, .msg_iov = &part,
                             .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(e->fd, &message, 0) < 0)
        return;
    address local = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)e->port)}};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            local.v6.sin6_addr = info.ipi6_addr;
            info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof info);
        }
    }
    identity_line(line, sizeof line, &client, &local);
    part = (struct iovec){line, strlen(line)};
    sendmsg(e->fd, &message, MSG_DONTWAIT);
}

static bool send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            if (poll(&wait, 1, 1000) != 1)
                return false;
            continue;
        }
        if (sent <= 0)
            return false;
        data += sent;
        length -= (size_t)sent;
    }
    return true;
}

static void accept_connection(struct endpoint *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    address client, local;
    memset(&client, 0, sizeof client);
    memset(&local, 0, sizeof local);
    socklen_t length = sizeof client;
    getpeername(fd, &client.any, &length);
    length = sizeof local;
    getsockname(fd, &local.any, &length);
    struct endpoint *e = add_endpoint(fd, listener->service, false, listener->port);
    identity_line(e->line, sizeof e->line, &client, &local);
    if (e->service != HTTP && !send_all(fd, e->line, strlen(e->line)))
        remove_endpoint(e);
}

static bool answer_http(struct endpoint *e)
{
    char answer[512];
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                          "Connection: %s\r\n\r\n%s",
                          is_failing ? "500 Internal Server Error" : "200 OK", strlen(e->line),
                          e->close_after ? "close" : "keep-alive", e->line);
    e->answer_at = 0;
    return send_all(e->fd, answer, (size_t)length) && !e->close_after;
}

// Takes whole requests off the input; false when the connection is to be closed.
static bool serve_http(struct endpoint *e)
{
    while (!e->answer_at) {
        e->input[e->length] = 0;
        char *end = strstr(e->input, "\r\n\r\n");
        if (!end)
            return e->length < sizeof e->input - 1;
        *end = 0;
        e->close_after = strcasestr(e->input, "\nConnection: close") || strstr(e->input, " HTTP/1.0");
        bool slow = strncmp(e->input, "GET /slow", 9) == 0;
        size_t used = (size_t)(end + 4 - e->input);
        memmove(e->input, e->input + used, e->length - used);
        e->length -= used;
        if (slow)
            e->answer_at = now_ms() + 1000;
        else if (!answer_http(e))
            return false;
    }
    return true;
}

static bool serve_input(struct endpoint *e)
{
    ssize_t got = recv(e->fd, e->input + e->length, sizeof e->input - 1 - e->length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    if (e->service != HTTP)
        return send_all(e->fd, e->input, (size_t)got);
    e->length += (size_t)got;
    return serve_http(e);
}

// Sends the /slow answers whose time has come; the delay until the next one, or -1.
static int serve_delayed(void)
{
    long now = now_ms(), next = -1;
    for (struct endpoint *e = endpoints, *after; e; e = after) {
        after = e->next;
        if (!e->answer_at)
            continue;
        if (e->answer_at <= now) {
            if (!answer_http(e) || !serve_http(e))
                remove_endpoint(e);
        } else if (next < 0 || e->answer_at - now < next) {
            next = e->answer_at - now;
        }
    }
    return (int)next;
}

static int serve(int count, char **arguments)
{
    if (count < 1)
        fail_usage("serve needs a name");
    server_name = arguments[0];
    poller = epoll_create1(EPOLL_CLOEXEC);
    static const char *const names[] = {"--http", "--tcp", "--udp", "--sctp"};
    for (int i = 1; i < count; i += 2) {
        int service = HTTP;
        while (service <= SCTP_ECHO && strcmp(arguments[i], names[service]) != 0)
            service++;
        if (service > SCTP_ECHO || i + 1 >= count)
            fail_usage("serve: '%s' is no option with a port", arguments[i]);
        listen_on((enum service)service, (int)number(arguments[i + 1], 1, 65535));
    }
    if (!endpoints)
        fail_usage("serve: no port");
    puts("ready");
    fflush(stdout);
    while (!stop_asked) {
        struct epoll_event event;
        // One event at a time: serving one may free another.
        if (epoll_wait(poller, &event, 1, serve_delayed()) < 1)
            continue;
        struct endpoint *e = event.data.ptr;
        if (e->service == UDP_ANSWER)
            answer_datagram(e);
        else if (e->listening)
            accept_connection(e);
        else if (!serve_input(e))
            remove_endpoint(e);
    }
    return 0;
}

// Client -------------------------------------------------------------------------------------

struct options {
    address server;
    address source;
    bool has_source, same_port, summary;
    long count, timeout, seconds, interval, concurrency;
    const char *path;
};

static struct options parse_options(int count, char **arguments)
{
    if (count < 2)
        fail_usage("an address and a port are needed");
    struct options o = {.count = 1, .timeout = 3000, .interval = 100, .path = "/"};
    o.server = parse_address(arguments[0], (int)number(arguments[1], 1, 65535));
    for (int i = 2; i < count; i++) {
        const char *name = arguments[i];
        if (strcmp(name, "--same-port") == 0) {
            o.same_port = true;
            continue;
        }
        if (strcmp(name, "--summary") == 0) {
            o.summary = true;
            continue;
        }
        if (i + 1 >= count)
            fail_usage("'%s' is unknown or needs a value", name);
        const char *value = arguments[++i];
        if (strcmp(name, "--count") == 0)
            o.count = number(value, 1, 10000000);
        else if (strcmp(name, "--timeout") == 0)
            o.timeout = number(value, 1, 600000);
        else if (strcmp(name, "--seconds") == 0)
            o.seconds = number(value, 0, 86400);
        else if (strcmp(name, "--interval") == 0)
            o.interval = number(value, 1, 600000);
        else if (strcmp(name, "--concurrency") == 0)
            o.concurrency = number(value, 1, 20000);
        else if (strcmp(name, "--path") == 0)
            o.path = value;
        else if (strcmp(name, "--bind") == 0) {
            o.source = parse_address(value, 0);
            o.has_source = true;
        } else {
            fail_usage("unknown option '%s'", name);
        }
    }
    return o;
}

// How many answers came from each server.
struct tally {
    char name[64];
    long count;
};
static struct tally tallies[1024];
static size_t tally_count;
static long failures;

static void tally_answer(const char *line)
{
    char name[64];
    size_t length = strcspn(line, " \r\n");
    snprintf(name, sizeof name, "%.*s", (int)length, line);
    size_t i = 0;
    while (i < tally_count && strcmp(tallies[i].name, name) != 0)
        i++;
    if (i == sizeof tallies / sizeof *tallies)
        return;
    if (i == tally_count)
        snprintf(tallies[tally_count++].name, sizeof name, "%s", name);
    tallies[i].count++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tally *)a)->name, ((const struct tally *)b)->name);
}

static void print_tallies(void)
{
    qsort(tallies, tally_count, sizeof *tallies, by_name);
    for (size_t i = 0; i < tally_count; i++)
        printf("%ld %s\n", tallies[i].count, tallies[i].name);
    if (failures)
        printf("%ld failed\n", failures);
}

// What each answer is printed after, of requests that come as a list.
static const char *tag;

static void report(const struct options *o, const char *line)
{
    tally_answer(line);
    if (!o->summary) {
        if (tag)
            printf("%s ", tag);
        printf("%.*s\n", (int)strcspn(line, "\r\n"), line);
        fflush(stdout);
    }
}

static void report_failure(const char *what)
{
    failures++;
    fprintf(stderr, "lab-peer: %s: %s\n", what, strerror(errno));
}

static bool wait_for(int fd, short events, long deadline)
{
    while (!stop_asked) {
        long left = deadline - now_ms();
        struct pollfd wait = {.fd = fd, .events = events};
        int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (ready > 0)
            return true;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    errno = EINTR;
    return false;
}

static int open_socket(const struct options *o, int type, int protocol)
{
    int fd = socket(o->server.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -1;
    if (o->has_source && bind(fd, &o->source.any, address_length(&o->source)) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static int open_connection(const struct options *o, int protocol, long deadline)
{
    int fd = open_socket(o, SOCK_STREAM, protocol);
    if (fd < 0)
        return -1;
    if (connect(fd, &o->server.any, address_length(&o->server)) < 0) {
        int reason = errno;
        if (reason == EINPROGRESS) {
            reason = 0;
            socklen_t size = sizeof reason;
            if (!wait_for(fd, POLLOUT, deadline))
                reason = errno;
            else
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size);
        }
        if (reason) {
            close(fd);
            errno = reason;
            return -1;
        }
    }
    return fd;
}

// Reads until the text holds `mark`; false with errno on failure, ECONNRESET when the other end closed.
static bool read_until(int fd, char *text, size_t size, const char *mark, long deadline)
{
    size_t length = 0;
    text[0] = 0;
    while (!strstr(text, mark)) {
        if (length == size - 1) {
            errno = EMSGSIZE;
            return false;
        }
        if (!wait_for(fd, POLLIN, deadline))
            return false;
        ssize_t got = recv(fd, text + length, size - 1 - length, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0) {
            if (got == 0)
                errno = ECONNRESET;
            return false;
        }
        length += (size_t)got;
        text[length] = 0;
    }
    return true;
}

static bool get_once(const struct options *o)
{
    char text[4096];
    long deadline = now_ms() + o->timeout;
    int fd = open_connection(o, 0, deadline);
    if (fd < 0)
        return false;
    int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n", o->path);
    bool ok = send_all(fd, text, (size_t)length) && read_until(fd, text, sizeof text, "\r\n\r\n", deadline);
    const char *body = ok ? strstr(text, "\r\n\r\n") + 4 : "";
    if (ok && !strchr(body, '\n')) {
        size_t had = strlen(text);
        ok = read_until(fd, text + had, sizeof text - had, "\n", deadline);
    }
    if (ok && strncmp(text, "HTTP/1.1 200", 12) != 0) {
        errno = EPROTO;
        ok = false;
    }
    int reason = errno;
    close(fd);
    errno = reason;
    if (ok)
        report(o, body);
    return ok;
}

static bool greet_once(const struct options *o)
{
    char text[512];
    long deadline = now_ms() + o->timeout;
    int fd = open_connection(o, IPPROTO_SCTP, deadline);
    if (fd < 0)
        return false;
    bool ok = read_until(fd, text, sizeof text, "\n", deadline);
    int reason = errno;
    close(fd);
    errno = reason;
    if (ok)
        report(o, text);
    return ok;
}

static bool datagram_once(const struct options *o)
{
    static int fd = -1;
    char text[512];
    if (fd < 0) {
        fd = open_socket(o, SOCK_DGRAM, 0);
        // Connected: an ICMP error is told, and only answers from that very address and port count.
        if (fd < 0)
            return false;
        if (connect(fd, &o->server.any, address_length(&o->server)) < 0) {
            int reason = errno;
            close(fd);
            fd = -1;
            errno = reason;
            return false;
        }
    }
    bool ok = send(fd, "who\n", 4, 0) == 4 && wait_for(fd, POLLIN, now_ms() + o->timeout);
    ssize_t got = ok ? recv(fd, text, sizeof text - 1, 0) : -1;
    ok = got >= 0;
    int reason = errno;
    if (!o->same_port) {
        close(fd);
        fd = -1;
    }
    errno = reason;
    if (ok) {
        text[got] = 0;
        report(o, text);
    }
    return ok;
}

static int repeat(const struct options *o, bool (*once)(const struct options *), const char *what)
{
    for (long i = 0; i < o->count && !stop_asked; i++)
        if (!once(o) && !stop_asked)
            report_failure(what);
    if (o->summary)
        print_tallies();
    return failures ? EXIT_SOME_FAILED : 0;
}

static int hold(const struct options *o)
{
    char text[512], line[64];
    int fd = open_connection(o, 0, now_ms() + o->timeout);
    if (fd < 0 || !read_until(fd, text, sizeof text, "\n", now_ms() + o->timeout))
        fail("hold: no connection");
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    report(o, text);
    long start = now_ms(), end = o->seconds ? start + o->seconds * 1000 : LONG_MAX, echoes = 0, slowest = 0;
    while (!stop_asked && now_ms() < end) {
        int length = snprintf(line, sizeof line, "line %ld\n", echoes + 1);
        long sent = now_ms();
        bool ok = send_all(fd, line, (size_t)length) &&
                  read_until(fd, text, sizeof text, "\n", sent + o->timeout);
        if (!ok && stop_asked)
            break;
        if (!ok || strcmp(text, line) != 0) {
            fprintf(stderr, "lab-peer: hold: broken after %ld echoes and %ld ms: %s\n", echoes,
                    now_ms() - start, ok ? "a wrong echo" : strerror(errno));
            return EXIT_SOME_FAILED;
        }
        echoes++;
        if (now_ms() - sent > slowest)
            slowest = now_ms() - sent;
        poll(NULL, 0, (int)o->interval);
    }
    printf("held %ld ms, %ld echoes, slowest %ld ms\n", now_ms() - start, echoes, slowest);
    return 0;
}

static int load(const struct options *o)
{
    if (!o->concurrency)
        fail_usage("load needs --concurrency");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (long i = 0; i < o->concurrency && !stop_asked; i++) {
        char text[512];
        long deadline = now_ms() + o->timeout;
        int fd = open_connection(o, 0, deadline); // stays open until the process ends
        if (fd < 0 || !read_until(fd, text, sizeof text, "\n", deadline))
            report_failure("load");
        else
            tally_answer(text);
    }
    print_tallies();
    puts("open");
    fflush(stdout);
    long end = o->seconds ? now_ms() + o->seconds * 1000 : LONG_MAX;
    while (!stop_asked && now_ms() < end)
        poll(NULL, 0, (int)(end - now_ms() < 1000 ? end - now_ms() : 1000));
    return failures ? EXIT_SOME_FAILED : 0;
}

// Requests from standard input, one line after the other: starting a process for each would take longer than they do.
static int list(void)
{
    char line[512], *words[32];
    while (!stop_asked && fgets(line, sizeof line, stdin)) {
        int count = 0;
        for (char *word = strtok(line, " \n"); word && count < 32; word = strtok(NULL, " \n"))
            words[count++] = word;
        if (count < 4)
            fail_usage("list: a line needs a tag, a verb, an address and a port");
        bool (*once)(const struct options *) = strcmp(words[1], "get") == 0    ? get_once
                                               : strcmp(words[1], "udp") == 0  ? datagram_once
                                               : strcmp(words[1], "sctp") == 0 ? greet_once
                                                                               : NULL;
        if (!once)
            fail_usage("list: '%s' is not get, udp or sctp", words[1]);
        struct options o = parse_options(count - 2, words + 2);
        tag = words[0];
        for (long i = 0; i < o.count && !stop_asked; i++) {
            if (!once(&o)) {
                printf("%s failed: %s\n", tag, strerror(errno));
                break;
            }
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "confine") == 0)
        return confine(count - 2, arguments + 2);
    catch_signals();
    if (count < 2 || strcmp(arguments[1], "--help") == 0) {
        fputs(usage_text, count < 2 ? stderr : stdout);
        return count < 2 ? EXIT_USAGE : 0;
    }
    const char *verb = arguments[1];
    if (strcmp(verb, "serve") == 0)
        return serve(count - 2, arguments + 2);
    if (strcmp(verb, "list") == 0)
        return list();
    bool known = strcmp(verb, "get") == 0 || strcmp(verb, "udp") == 0 || strcmp(verb, "sctp") == 0 ||
                 strcmp(verb, "hold") == 0 || strcmp(verb, "load") == 0;
    if (!known)
        fail_usage("unknown verb '%s'; see lab-peer --help", verb);
    struct options o = parse_options(count - 2, arguments + 2);
    switch (verb[0]) {
    case 'g': return repeat(&o, get_once, "get");
    case 'u': return repeat(&o, datagram_once, "udp");
    case 's': return repeat(&o, greet_once, "sctp");
    case 'h': return hold(&o);
    default: return load(&o);
    }
}
