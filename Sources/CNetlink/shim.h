#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

/* Declared by the C library only to programs that define _GNU_SOURCE, which Swift's C library module does not. */
#ifndef _GNU_SOURCE

/* sched.h: setns(2) */
int setns(int file, int kind);

/* sys/socket.h: recvmmsg(2) */
struct mmsghdr {
	struct msghdr msg_hdr;
	unsigned int msg_len;
};
int recvmmsg(int socket, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout);

#endif
