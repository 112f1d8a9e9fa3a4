/* See CIPSetFaults.h. */
#define _GNU_SOURCE
#include "CIPSetFaults.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>

struct mnl_socket;

static enum cipset_fault fault;
static int error_number, calls_left, hits;

int cipset_fault_inject(enum cipset_fault next, int number, int after)
{
	fault = next;
	error_number = number;
	calls_left = after;
	return hits;
}

/* Whether this call of a kind is the one. */
static int strikes(int is_kind)
{
	if (!is_kind || calls_left-- > 0)
		return 0;
	fault = CIPSET_FAULT_NONE;
	hits++;
	return 1;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t length)
{
	ssize_t (*real)(const struct mnl_socket *, const void *, size_t) = dlsym(RTLD_NEXT, "mnl_socket_sendto");
	if (strikes(fault == CIPSET_FAULT_SEND)) {
		errno = error_number;
		return -1;
	}
	return real(socket, bytes, length);
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *bytes, size_t length)
{
	ssize_t (*real)(const struct mnl_socket *, void *, size_t) = dlsym(RTLD_NEXT, "mnl_socket_recvfrom");
	const enum cipset_fault kind = fault;
	if (strikes(kind == CIPSET_FAULT_RECEIVE)) {
		errno = error_number;
		return -1;
	}
	if (!strikes(kind == CIPSET_FAULT_TRUNCATE || kind == CIPSET_FAULT_GARBAGE))
		return real(socket, bytes, length);
	ssize_t received = real(socket, bytes, length);
	if (kind == CIPSET_FAULT_GARBAGE && received > 0)
		memset(bytes, 0, (size_t)received);
	return received > 18 && kind == CIPSET_FAULT_TRUNCATE ? 18 : received;
}
