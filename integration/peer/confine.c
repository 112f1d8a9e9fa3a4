// Confines a program to a directory and to some of root's capabilities, and becomes it.
//
// A shell cannot do it: what drops capabilities (setpriv) is not in the container's root file system, and what
// changes the root (chroot) needs one that the container may not have.

#define _GNU_SOURCE
#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

// Those that the agent's documents speak of; capabilities(7) has all.
static const struct {
    const char *name;
    int number;
} names[] = {
    {"NET_ADMIN", CAP_NET_ADMIN}, {"NET_RAW", CAP_NET_RAW}, {"NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
    {"SYS_ADMIN", CAP_SYS_ADMIN}, {"SYS_MODULE", CAP_SYS_MODULE}, {"DAC_OVERRIDE", CAP_DAC_OVERRIDE},
    {"SYS_RESOURCE", CAP_SYS_RESOURCE}, {"CHOWN", CAP_CHOWN},
};

static int fail(const char *what)
{
    fprintf(stderr, "lab-peer: %s: %s\n", what, strerror(errno));
    return 1;
}

// The set that a list names; -1 where it names what is unknown.
static long long read_set(char *list)
{
    unsigned long long set = 0;
    if (!strcmp(list, "all"))
        return -2;
    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        size_t place = 0;
        while (place < sizeof names / sizeof *names && strcmp(names[place].name, name))
            place++;
        if (place == sizeof names / sizeof *names)
            return -1;
        set |= 1ULL << names[place].number;
    }
    return (long long)set;
}

int confine(int count, char **arguments)
{
    if (count < 3) {
        fprintf(stderr, "lab-peer: confine ROOT CAPABILITIES|all PROGRAM [ARG]...\n");
        return 2;
    }
    long long set = read_set(arguments[1]);
    if (set == -1) {
        fprintf(stderr, "lab-peer: confine: unknown capability among %s\n", arguments[1]);
        return 2;
    }
    if (chdir(arguments[0]) || chroot(".") || chdir("/"))
        return fail(arguments[0]);
    if (set != -2) {
        // A program of root's gets what is in the bounding set, so that is what counts.
        for (int number = 0; prctl(PR_CAPBSET_READ, number) >= 0; number++) {
            if (!(set >> number & 1) && prctl(PR_CAPBSET_DROP, number))
                return fail("PR_CAPBSET_DROP");
        }
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {
            {.effective = (unsigned)set, .permitted = (unsigned)set},
            {.effective = (unsigned)(set >> 32), .permitted = (unsigned)(set >> 32)},
        };
        if (syscall(SYS_capset, &header, data))
            return fail("capset");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
            return fail("PR_SET_NO_NEW_PRIVS");
    }
    execvpe(arguments[2], arguments + 2, environ);
    return fail(arguments[2]);
}
