// Real servers that die, clients that never pause, and an eye on the kernel's table, for the scenario `deaths`.
//
// All times are of CLOCK_MONOTONIC, in nanoseconds: whatever namespace a process is in, they can be compared.
#pragma once
#include <netinet/in.h>
#include <stdint.h>

// deaths serve ADDRESS COUNT PORT: that many servers at addresses in a row. `die N` and `live N` on its standard input.
int serve(char **arguments);
// deaths load ADDRESS PORT RATE SECONDS TIMEOUT_MS: begins requests at a constant rate, whatever comes of them.
int load(char **arguments);
// deaths watch MILLISECONDS: looks at /proc/net/ip_vs at that interval and says which weights have changed.
int watch(char **arguments);

int64_t now(void);
long number(const char *text, long low, long high);
struct sockaddr_in socket_address(const char *address, long port);
_Noreturn void die(const char *what);
