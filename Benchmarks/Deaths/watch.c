// Which weights real servers have, as the kernel shows them.
#include "deaths.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { most_servers = 1024, size = 1 << 18 };

static struct {
    uint32_t address;
    int weight;
    bool is_seen;
} servers[most_servers];
static int count;

// A real server that is not there has the weight -1.
static void note(uint32_t address, int weight, int64_t time)
{
    int place = 0;
    while (place < count && servers[place].address != address)
        place++;
    if (place == most_servers)
        return;
    if (place == count) {
        servers[count++].address = address;
        servers[place].weight = -1;
    }
    servers[place].is_seen = weight >= 0;
    if (servers[place].weight != weight)
        printf("weight %lld %u.%u.%u.%u %d\n", (long long)time, address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255,
               weight);
    servers[place].weight = weight;
}

int watch(char **arguments)
{
    struct timespec pause = {.tv_nsec = number(arguments[0], 1, 999) * 1000000};
    char *text = malloc(size);
    int file = open("/proc/net/ip_vs", O_RDONLY | O_CLOEXEC);
    if (!text || file < 0)
        die("/proc/net/ip_vs");
    puts("ready");
    while (true) {
        size_t used = 0;
        ssize_t got;
        lseek(file, 0, SEEK_SET);
        while (used < size - 1 && (got = read(file, text + used, size - 1 - used)) > 0)
            used += (size_t)got;
        text[used] = 0;
        int64_t time = now();
        for (int place = 0; place < count; place++)
            servers[place].is_seen = false;
        for (char *line = text; (line = strstr(line, "  -> ")); line++) {
            unsigned address, port;
            char method[16];
            int weight;
            if (sscanf(line, "  -> %8X:%4X %15s %d", &address, &port, method, &weight) == 4)
                note(address, weight, time);
        }
        for (int place = 0; place < count; place++)
            if (!servers[place].is_seen)
                note(servers[place].address, -1, time);
        nanosleep(&pause, NULL);
    }
}
