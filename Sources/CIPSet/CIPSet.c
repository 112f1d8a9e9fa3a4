/* The calls of CIPSet.h, on libipset. See there for what must not be shared between threads. */
#define _GNU_SOURCE
#include "CIPSet.h"

#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include <libipset/errcode.h>
#include <libipset/ipset.h>

struct cipset_session {
	struct ipset_session *session;
};

static pthread_once_t types_once = PTHREAD_ONCE_INIT;
static atomic_flag session_open = ATOMIC_FLAG_INIT;

/* Splits "Error in line N: text" and returns N, or 0 where libipset names no line. */
static uint32_t split_line(const char **text)
{
	unsigned int line = 0;
	int length = 0;
	if (sscanf(*text, "Error in line %u: %n", &line, &length) != 1 || length <= 0)
		return 0;
	*text += length;
	return line;
}

/* The code behind libipset's sentence. The library keeps only the sentence, but says for any code which sentence it would
 * be: so each code is tried. This runs once per error. */
static int32_t code_of(struct ipset_session *session, enum ipset_cmd command, const char *message)
{
	static const int ranges[][2] = { { 1, 134 }, { IPSET_ERR_PRIVATE, IPSET_ERR_PRIVATE + 40 },
		{ IPSET_ERR_TYPE_SPECIFIC, IPSET_ERR_TYPE_SPECIFIC + 16 } };
	for (size_t range = 0; range < sizeof(ranges) / sizeof(ranges[0]); range++)
		for (int code = ranges[range][0]; code < ranges[range][1]; code++) {
			ipset_session_report_reset(session);
			ipset_errcode(session, command, code);
			const char *said = ipset_session_report_msg(session);
			split_line(&said);
			const size_t length = strlen(message);
			/* A sentence of libipset ends with a newline, which the message has lost. */
			if (strncmp(said, message, length) == 0 && strspn(said + length, "\n") == strlen(said + length))
				return code;
		}
	return CIPSET_UNKNOWN;
}

/* Ends libipset's side of the session, with what may be left unread in its socket; the next call starts it anew. */
static void end_session(struct cipset_session *self)
{
	ipset_session_fini(self->session);
	self->session = NULL;
}

static void set_error(struct cipset_error *error, int32_t code, const char *message)
{
	error->code = code;
	snprintf(error->message, sizeof(error->message), "%s", message);
}

/* Moves libipset's report into the error. What stands for no code of the kernel's may be a conversation that broke: a message was
 * not sent or an answer not read, of which libipset says nothing but that. */
static void take_error(struct cipset_session *self, enum ipset_cmd command, struct cipset_error *error)
{
	int number = errno;
	const char *text = ipset_session_report_msg(self->session);
	split_line(&text);
	set_error(error, CIPSET_UNKNOWN, text);
	size_t length = strlen(error->message);
	while (length > 0 && error->message[length - 1] == '\n')
		error->message[--length] = '\0';
	error->code = code_of(self->session, command, error->message);
	if (error->code == CIPSET_UNKNOWN && ipset_session_handle(self->session) == NULL)
		error->code = number;
	/* Of a question that it asks for itself (for a set's type) it says not even that. */
	if (error->code == CIPSET_UNKNOWN && (length == 0 || strcmp(error->message, "Internal protocol error") == 0)) {
		error->code = CIPSET_BROKEN;
		snprintf(error->message, sizeof(error->message), "no answer from the kernel: %s", strerror(number != 0 ? number : EPROTO));
	}
	ipset_session_report_reset(self->session);
}

/* What libipset would print: nothing that is asked of it here has an output. */
__attribute__((format(printf, 3, 4)))
static int print_nothing(struct ipset_session *session, void *context, const char *format, ...)
{
	(void)session;
	(void)context;
	(void)format;
	return 0;
}

/* Lets no answer be waited for longer than five seconds: libipset's own waiting has no end. It gives its socket to nobody, so all
 * netfilter sockets of this process are taken; who else has one here reads without waiting. (The kernel answers while the message is being sent;
 * what is waited for is an answer that was no answer.) */
static void bound_waiting(void)
{
	const struct timeval patience = { .tv_sec = 5 };
	DIR *files = opendir("/proc/self/fd");
	const struct dirent *entry;
	while (files != NULL && (entry = readdir(files)) != NULL) {
		int domain = 0, protocol = 0;
		socklen_t length = sizeof(int);
		const int file = atoi(entry->d_name);
		if (getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK
			&& getsockopt(file, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == NETLINK_NETFILTER)
			setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	if (files != NULL)
		closedir(files);
}

/* Starts libipset's side of the session; -1 with the error, and without a side. */
static int start(struct cipset_session *self, struct cipset_error *error)
{
	self->session = ipset_session_init(print_nothing, NULL);
	if (self->session == NULL) {
		set_error(error, ENOMEM, "out of memory");
		return -1;
	}
	ipset_envopt_set(self->session, IPSET_ENV_EXIST);
	/* IPSET_CMD_NONE asks for the protocol version and does nothing else. */
	errno = 0;
	if (ipset_cmd(self->session, IPSET_CMD_NONE, 0) == 0) {
		bound_waiting();
		errno = 0;
		return 0;
	}
	take_error(self, IPSET_CMD_PROTOCOL, error);
	ipset_session_fini(self->session);
	self->session = NULL;
	return -1;
}

struct cipset_session *cipset_open(struct cipset_error *error)
{
	if (atomic_flag_test_and_set(&session_open)) {
		set_error(error, CIPSET_SECOND_SESSION, "a session is open already");
		return NULL;
	}
	pthread_once(&types_once, ipset_load_types);
	struct cipset_session *self = calloc(1, sizeof(*self));
	if (self == NULL)
		set_error(error, ENOMEM, "out of memory");
	if (self == NULL || start(self, error) < 0) {
		free(self);
		atomic_flag_clear(&session_open);
		return NULL;
	}
	return self;
}

void cipset_close(struct cipset_session *self)
{
	if (self == NULL)
		return;
	if (self->session != NULL)
		ipset_session_fini(self->session);
	free(self);
	atomic_flag_clear(&session_open);
}

/* Drops what a command that did not run has left in the session. */
static int fail(struct cipset_session *self, enum ipset_cmd command, struct cipset_error *error)
{
	take_error(self, command, error);
	ipset_data_reset(ipset_session_data(self->session));
	if (error->code == CIPSET_BROKEN)
		end_session(self);
	return -1;
}

/* Readies the session for a command. */
static int prepare(struct cipset_session *self, struct cipset_error *error)
{
	if (self->session == NULL)
		return start(self, error);
	ipset_session_report_reset(self->session);
	errno = 0;
	return 0;
}

int cipset_create(struct cipset_session *self, const struct cipset_definition *definition, struct cipset_error *error)
{
	if (prepare(self, error) < 0)
		return -1;
	struct ipset_data *data = ipset_session_data(self->session);
	const uint8_t family = definition->family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	const uint16_t first = 0, last = 65535;
	ipset_data_set(data, IPSET_SETNAME, definition->name);
	ipset_data_set(data, IPSET_OPT_TYPENAME, definition->type);
	if (definition->family != 0)
		ipset_data_set(data, IPSET_OPT_FAMILY, &family);
	if (ipset_type_get(self->session, IPSET_CMD_CREATE) == NULL)
		return fail(self, IPSET_CMD_TYPE, error);
	if (definition->family == 0) {
		ipset_data_set(data, IPSET_OPT_PORT_FROM, &first);
		ipset_data_set(data, IPSET_OPT_PORT_TO, &last);
	} else {
		ipset_data_set(data, IPSET_OPT_HASHSIZE, &definition->hash_size);
		ipset_data_set(data, IPSET_OPT_MAXELEM, &definition->maximum_entries);
		/* A flag: what is pointed at does not count. */
		if (definition->keeps_marks)
			ipset_data_set(data, IPSET_OPT_SKBINFO, &definition->keeps_marks);
	}
	return ipset_cmd(self->session, IPSET_CMD_CREATE, 0) < 0 ? fail(self, IPSET_CMD_CREATE, error) : 0;
}

int cipset_destroy(struct cipset_session *self, const char *name, struct cipset_error *error)
{
	if (prepare(self, error) < 0)
		return -1;
	ipset_data_set(ipset_session_data(self->session), IPSET_SETNAME, name);
	return ipset_cmd(self->session, IPSET_CMD_DESTROY, 0) < 0 ? fail(self, IPSET_CMD_DESTROY, error) : 0;
}

int cipset_look(struct cipset_session *self, const char *name, struct cipset_error *error)
{
	if (prepare(self, error) < 0)
		return -1;
	struct ipset_data *data = ipset_session_data(self->session);
	ipset_data_set(data, IPSET_SETNAME, name);
	if (ipset_cmd(self->session, IPSET_CMD_HEADER, 0) < 0)
		return fail(self, IPSET_CMD_HEADER, error);
	ipset_data_reset(data);
	return 0;
}

/* Returns when no packet is in the packet filter any more that was there before. Kernels before 6.7 do not wait for that themselves
 * when sets are swapped (ip_set_swap in net/netfilter/ipset/ip_set_core.c): a set destroyed right after could still be looked up. */
static void wait_for_packets(void)
{
	/* Waits for an RCU grace period (kernel/sched/membarrier.c); refused where CPUs run without a tick. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return;
	const struct timespec plenty = { .tv_nsec = 200 * 1000 * 1000 };
	nanosleep(&plenty, NULL);
}

int cipset_swap(struct cipset_session *self, const char *name, const char *other, struct cipset_error *error)
{
	if (prepare(self, error) < 0)
		return -1;
	struct ipset_data *data = ipset_session_data(self->session);
	ipset_data_set(data, IPSET_SETNAME, name);
	ipset_data_set(data, IPSET_OPT_SETNAME2, other);
	if (ipset_cmd(self->session, IPSET_CMD_SWAP, 0) < 0)
		return fail(self, IPSET_CMD_SWAP, error);
	wait_for_packets();
	return 0;
}

/* Puts one change into the session's data. -1 with the error where the set cannot take it. */
static int fill(struct cipset_session *self, const struct cipset_set *set, bool *cached, const struct cipset_change *change,
	enum ipset_cmd command, struct cipset_error *error)
{
	struct ipset_data *data = ipset_session_data(self->session);
	ipset_data_set(data, IPSET_SETNAME, set->name);
	/* Asks the kernel for the set's type and family, and sets the family in the data: an address is copied by the family that the
	 * data has. libipset remembers no answer (only what it made itself or listed), and would ask for every entry. */
	const struct ipset_type *type = ipset_type_get(self->session, command);
	if (type == NULL)
		return fail(self, IPSET_CMD_HEADER, error);
	if (!*cached)
		*cached = ipset_cache_add(set->name, type, ipset_data_family(data)) == 0;
	const uint8_t family = change->family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (strcmp(type->name, set->type) != 0 || (change->layout != CIPSET_PORT && ipset_data_family(data) != family)) {
		/* Sent all the same, the kernel would take what it knows of the entry: another entry than was asked for. */
		set_error(error, CIPSET_OTHER_TYPE, type->name);
		ipset_data_reset(data);
		return -1;
	}
	if (change->layout != CIPSET_PORT)
		ipset_data_set(data, IPSET_OPT_IP, change->address);
	if (change->layout != CIPSET_ADDRESS)
		ipset_data_set(data, IPSET_OPT_PORT, &change->port);
	if (change->layout != CIPSET_ADDRESS && change->layout != CIPSET_PORT)
		ipset_data_set(data, IPSET_OPT_PROTO, &change->protocol);
	if (change->layout == CIPSET_ADDRESS_PORT_ADDRESS || change->layout == CIPSET_ADDRESS_PORT_NET)
		ipset_data_set(data, IPSET_OPT_IP2, change->other);
	if (change->layout == CIPSET_ADDRESS_PORT_NET)
		ipset_data_set(data, IPSET_OPT_CIDR2, &change->other_prefix_length);
	if (change->has_mark && !change->remove) {
		/* The mark, and below it which of a packet's bits it sets: all. */
		const uint64_t mark = (uint64_t)change->mark << 32 | UINT32_MAX;
		ipset_data_set(data, IPSET_OPT_SKBMARK, &mark);
	}
	return 0;
}

/* cached says of each set whether libipset remembers it. */
static size_t run(struct cipset_session *self, const struct cipset_set *sets, bool *cached, const struct cipset_change *changes,
	size_t count, struct cipset_error *error)
{
	for (size_t index = 0; index <= count; index++) {
		struct cipset_error refused;
		int result;
		bool filled = true;
		if (index == count) {
			result = ipset_commit(self->session);
		} else {
			const struct cipset_change *change = &changes[index];
			const enum ipset_cmd command = change->remove ? IPSET_CMD_DEL : IPSET_CMD_ADD;
			filled = fill(self, &sets[change->set], &cached[change->set], change, command, &refused) == 0;
			/* A line number other than 0 is what makes libipset gather entries of one set into one message. */
			if (filled)
				result = ipset_cmd(self->session, command, (uint32_t)index + 1);
			else
				result = self->session == NULL ? 0 : ipset_commit(self->session);
		}
		if (result < 0) {
			/* The message that failed may be the one before this entry: of its lines the kernel names the
			 * one that failed, and has run those before. */
			const char *text = ipset_session_report_msg(self->session);
			uint32_t line = split_line(&text);
			size_t failed = line >= 1 && line <= count ? line - 1 : (index < count ? index : count - 1);
			fail(self, changes[failed].remove ? IPSET_CMD_DEL : IPSET_CMD_ADD, error);
			/* libipset does not tell which of its messages came through before the one that broke. */
			return error->code == CIPSET_BROKEN ? 0 : failed;
		}
		if (!filled) {
			*error = refused;
			return refused.code == CIPSET_BROKEN ? 0 : index;
		}
	}
	return count;
}

size_t cipset_change(struct cipset_session *self, const struct cipset_set *sets, size_t set_count, const struct cipset_change *changes,
	size_t count, struct cipset_error *error)
{
	/* Sets may have been made anew by others since the last call, with another type under the same name. */
	ipset_cache_del(NULL);
	if (count == 0 || prepare(self, error) < 0)
		return 0;
	bool *cached = calloc(set_count, sizeof(*cached));
	if (cached == NULL) {
		set_error(error, ENOMEM, "out of memory");
		return 0;
	}
	size_t done = run(self, sets, cached, changes, count, error);
	free(cached);
	return done;
}
