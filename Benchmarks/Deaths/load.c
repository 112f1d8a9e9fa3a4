// Clients: a connection, a byte, its answer, at a constant rate. One that is not answered in time has failed; none waits for another.
#include "deaths.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    int64_t begun;
    int fd;
    bool is_sent;
};

static struct request *requests;
static long *by_descriptor;
static int poller;
static long answered, failed;

static void end(struct request *request, const char *trouble)
{
    int64_t time = now();
    if (trouble)
        failed++;
    else
        answered++;
    // What was slow shows where the kernel sent a SYN once more.
    if (trouble || time - request->begun > 300000000)
        printf("%s %lld %lld %s\n", trouble ? "failed" : "slow", (long long)request->begun, (long long)time, trouble ? trouble : "");
    if (request->fd >= 0)
        close(request->fd);
    request->fd = -1;
}

static void begin(struct request *request, long index, const struct sockaddr_in *address)
{
    request->begun = now();
    request->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (request->fd < 0 || request->fd >= 1 << 16)
        die("socket");
    by_descriptor[request->fd] = index;
    if (connect(request->fd, (const struct sockaddr *)address, sizeof *address) && errno != EINPROGRESS)
        return end(request, "cannot connect");
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = request->fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, request->fd, &event);
}

static void go_on(struct request *request)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(request->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        return end(request, error == ECONNREFUSED ? "refused" : error == ECONNRESET ? "reset" : "broken");
    char byte;
    if (!request->is_sent) {
        if (write(request->fd, "?", 1) != 1)
            return end(request, "cannot write");
        request->is_sent = true;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = request->fd};
        epoll_ctl(poller, EPOLL_CTL_MOD, request->fd, &event);
    } else {
        ssize_t count = read(request->fd, &byte, 1);
        if (count < 0 && errno == EAGAIN)
            return;
        end(request, count == 1 ? NULL : count == 0 ? "closed" : "broken");
    }
}

int load(char **arguments)
{
    struct sockaddr_in address = socket_address(arguments[0], number(arguments[1], 1, 65535));
    long rate = number(arguments[2], 1, 100000), total = rate * number(arguments[3], 1, 86400);
    int64_t timeout = number(arguments[4], 1, 60000) * 1000000LL, latest = 0;
    requests = calloc((size_t)total, sizeof *requests);
    by_descriptor = calloc(1 << 16, sizeof *by_descriptor);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!requests || !by_descriptor || poller < 0)
        die("cannot begin");
    int64_t start = now();
    long begun = 0, oldest = 0;
    while (oldest < total) {
        int64_t time = now();
        while (begun < total && start + begun * 1000000000LL / rate <= time) {
            int64_t late = time - (start + begun * 1000000000LL / rate);
            if (late > latest)
                latest = late;
            begin(&requests[begun], begun, &address);
            begun++;
        }
        while (oldest < begun && (requests[oldest].fd < 0 || time - requests[oldest].begun >= timeout)) {
            if (requests[oldest].fd >= 0)
                end(&requests[oldest], "no answer");
            oldest++;
        }
        int64_t next = begun < total ? start + begun * 1000000000LL / rate : time + 10000000;
        int64_t wait = next - now();
        struct epoll_event events[64];
        int found = epoll_wait(poller, events, 64, wait > 0 ? (int)(wait / 1000000 + 1) : 0);
        for (int i = 0; i < found; i++) {
            struct request *request = &requests[by_descriptor[events[i].data.fd]];
            if (request->fd == events[i].data.fd)
                go_on(request);
        }
    }
    printf("done %ld %ld %lld\n", answered, failed, (long long)latest);
    return 0;
}
