#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

/* sched.h declares it only to programs that define _GNU_SOURCE, which Swift's C library module does not. */
int setns(int file, int kind);
