/* What this project needs of libipset, in plain C structs.
 *
 * libipset is GPL-2.0-only. This target is the one place that includes its headers, and nothing of libipset shows in
 * this one: no type, no constant, no ownership. Bytes in, bytes out, so that the same calls can become messages to a helper
 * process when binaries are passed on (docs/licensing.md).
 *
 * libipset keeps a table of set types and a cache of set names for the whole process, and jumps out of its printing with a
 * static jmp_buf: one session at a time, used from one thread at a time. cipset_open refuses a second session.
 */
#ifndef CIPSET_H
#define CIPSET_H

#include <stddef.h>
#include <stdint.h>

/* An open conversation with the kernel's ip_set subsystem, in the network namespace of the thread that opened it. */
struct cipset_session;

/* 4 and 6, as in the version field of the IP header; 0 for sets that have no family (bitmap:port). */
typedef uint8_t cipset_family;

struct cipset_definition {
	const char *name;
	const char *type;
	cipset_family family;
	/* Buckets at the start and entries at most; unused for bitmap:port, which is made for every port. */
	uint32_t hash_size;
	uint32_t maximum_entries;
	/* Whether entries can carry packet marks. */
	uint8_t keeps_marks;
};

/* A set that changes speak of: its name, and the type that it is taken to have. */
struct cipset_set {
	const char *name;
	const char *type;
};

/* Which members of an entry a set type uses. */
enum cipset_layout {
	CIPSET_ADDRESS = 0,
	CIPSET_ADDRESS_PORT = 1,
	CIPSET_ADDRESS_PORT_ADDRESS = 2,
	CIPSET_ADDRESS_PORT_NET = 3,
	CIPSET_PORT = 4,
};

/* One entry to add or remove. Addresses are in network order, four bytes or sixteen by family. */
struct cipset_change {
	/* An index into the sets given with the changes. */
	uint32_t set;
	uint8_t remove;
	uint8_t layout;
	cipset_family family;
	uint8_t protocol;
	/* In host order. */
	uint16_t port;
	uint8_t other_prefix_length;
	/* Whether the entry carries a mark; a removal goes by the rest of it. */
	uint8_t has_mark;
	uint8_t address[16];
	uint8_t other[16];
	uint32_t mark;
};

/* Codes below 4096 are errno; those from 4096 are ip_set's own (linux/netfilter/ipset/ip_set.h). */
enum {
	/* libipset said something that stands for no code. */
	CIPSET_UNKNOWN = 0,
	/* The set is there with another type or family than the entry's. */
	CIPSET_OTHER_TYPE = 100000,
	/* Another session is open in this process. */
	CIPSET_SECOND_SESSION = 100001,
	/* A message was not sent, or its answer not read: whether it was carried out is unknown. The next call starts a new conversation. */
	CIPSET_BROKEN = 100002,
};

struct cipset_error {
	int32_t code;
	/* libipset's sentence, without its line number. */
	char message[512];
};

/* All functions that return int return 0, or -1 with the error filled in. */

/* Opens a session and asks the kernel for its protocol, so that a missing privilege or module shows here. */
struct cipset_session *cipset_open(struct cipset_error *error);
void cipset_close(struct cipset_session *session);

/* Makes a set; one that is there already with the same type, family and size is success. */
int cipset_create(struct cipset_session *session, const struct cipset_definition *definition, struct cipset_error *error);
int cipset_destroy(struct cipset_session *session, const char *name, struct cipset_error *error);

/* Whether a set of that name is there: 0, or the error of a set that is not (ENOENT). */
int cipset_look(struct cipset_session *session, const char *name, struct cipset_error *error);

/* Has two sets of one type and family change names and places in one step. When it returns, no packet is under way any more that has
 * seen the former place, so that either may be destroyed. */
int cipset_swap(struct cipset_session *session, const char *name, const char *other, struct cipset_error *error);

/* Carries out changes in order, many in one message. An entry that is there already, or is already gone, is success.
 *
 * Returns the number of changes carried out: `count` if all were. Otherwise it is the index of the one that failed, with its
 * error; those before it are done, those after it are not. With CIPSET_BROKEN it is 0, and of all changes nothing is known. */
size_t cipset_change(struct cipset_session *session, const struct cipset_set *sets, size_t set_count,
	const struct cipset_change *changes, size_t count, struct cipset_error *error);

#endif
