#include "deaths.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void die(const char *what)
{
    fprintf(stderr, "deaths: %s: %s\n", what, strerror(errno));
    exit(1);
}

static _Noreturn void usage(void)
{
    fputs("usage: deaths serve ADDRESS COUNT PORT | load ADDRESS PORT RATE SECONDS TIMEOUT_MS | watch MILLISECONDS\n", stderr);
    exit(2);
}

long number(const char *text, long low, long high)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < low || value > high)
        usage();
    return value;
}

struct sockaddr_in socket_address(const char *address, long port)
{
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &result.sin_addr) != 1)
        usage();
    return result;
}

int main(int count, char **arguments)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count == 5 && strcmp(arguments[1], "serve") == 0)
        return serve(arguments + 2);
    if (count == 7 && strcmp(arguments[1], "load") == 0)
        return load(arguments + 2);
    if (count == 3 && strcmp(arguments[1], "watch") == 0)
        return watch(arguments + 2);
    usage();
}
