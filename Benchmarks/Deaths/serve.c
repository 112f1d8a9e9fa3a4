// Servers that answer each byte with another, and die as a machine without power does: from one moment on nothing comes back.
#define _GNU_SOURCE  // accept4
#include "deaths.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most_servers = 256, most_descriptors = 1 << 16 };

static int listeners[most_servers];
// Which server a connection has, by its descriptor; -1 where it is none.
static short servers[most_descriptors];
static int highest;

// A filter that takes no byte has the kernel drop whatever comes before it can be answered (`tcp_filter`), SYNs as well.
static void silence(int socket)
{
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
        die("SO_ATTACH_FILTER");
}

static void obey(const char *line, long count)
{
    char word[8];
    long server;
    if (sscanf(line, "%7s %ld", word, &server) != 2 || server < 0 || server >= count)
        return;
    bool dies = strcmp(word, "die") == 0;
    int unused = 0;
    if (dies)
        silence(listeners[server]);
    else
        setsockopt(listeners[server], SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    for (int socket = 0; socket <= highest; socket++) {
        if (servers[socket] != server)
            continue;
        if (dies) {
            silence(socket);
        } else {
            // It knows nothing of connections of before.
            close(socket);
            servers[socket] = -1;
        }
    }
    printf("%s %ld %lld\n", dies ? "died" : "lived", server, (long long)now());
}

static void take(int poller, int server)
{
    int connection;
    while ((connection = accept4(listeners[server], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (connection >= most_descriptors) {
            close(connection);
            continue;
        }
        servers[connection] = (short)server;
        if (connection > highest)
            highest = connection;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connection};
        epoll_ctl(poller, EPOLL_CTL_ADD, connection, &event);
    }
}

static void answer(int connection)
{
    char byte;
    ssize_t count = read(connection, &byte, 1);
    if (count == 1 && write(connection, "!", 1) == 1)
        return;
    if (count < 0 && errno == EAGAIN)
        return;
    close(connection);
    servers[connection] = -1;
}

int serve(char **arguments)
{
    long count = number(arguments[1], 1, most_servers), port = number(arguments[2], 1, 65535);
    int poller = epoll_create1(EPOLL_CLOEXEC), yes = 1;
    memset(servers, -1, sizeof servers);
    for (long server = 0; server < count; server++) {
        struct sockaddr_in address = socket_address(arguments[0], port);
        address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + (uint32_t)server);
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
            die("cannot listen");
        listeners[server] = listener;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
        epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    }
    struct epoll_event input = {.events = EPOLLIN, .data.fd = 0};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    puts("ready");
    char line[256];
    size_t used = 0;
    while (true) {
        struct epoll_event events[64];
        int found = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < found; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) {
                ssize_t got = read(0, line + used, sizeof line - 1 - used);
                if (got <= 0)
                    return 0;
                used += (size_t)got;
                line[used] = 0;
                for (char *end; (end = strchr(line, '\n'));) {
                    *end = 0;
                    obey(line, count);
                    used -= (size_t)(end + 1 - line);
                    memmove(line, end + 1, used + 1);
                }
                if (used == sizeof line - 1)
                    used = 0;
                continue;
            }
            long server = 0;
            while (server < count && listeners[server] != fd)
                server++;
            if (server < count)
                take(poller, (int)server);
            else if (servers[fd] >= 0)
                answer(fd);
        }
    }
}
