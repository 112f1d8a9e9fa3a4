/* The floors: what programming and reading the kernel cost when nothing but that is done.
 *
 * A floor builds its messages in memory first. Then it times, with CLOCK_MONOTONIC, only the sending of them and the reading of the kernel's
 * answers. Messages, their order, how many go in one send (BATCH, NetlinkSocket.messagesPerDatagram) and the one acknowledgement that
 * is asked for in each send are the agent's, so that the difference is what the agent's own code costs. Nor could a C program do better
 * with what it is given: an acknowledgement for each message takes twice as long, read back with recvmmsg, and ten times as long read one by one.
 *
 * Each run wants a fresh network namespace and leaves in it what it made (a destination removed shortly before makes every new one dearer):
 *
 *     make
 *     unshare -n ./floor ipvs 10000 5 200
 *     unshare -n sh -c 'ip link add floor0 type dummy && ./floor addresses 10000 floor0'
 *     unshare -n ./floor sets 10000
 *     unshare -n sh -c './floor ipvs 1000 5 200 && ./floor sets 1000 && ./floor read'
 *
 * Two are floors of a process's own start and need no kernel of their own: the files of a directory, opened, read and closed, and memory that is
 * written to for the first time. What they count as messages are files and pages:
 *
 *     ./floor files /etc/ipvs-agent/manifests
 *     ./floor memory 100
 *
 * Each prints one line: {"seconds":..., "messages":..., "sends":...}. Estimators are to be switched off on both sides
 * (net.ipv4.vs.run_estimation=0): they cost more than the messages.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* What a run cost. */
struct cost {
	double seconds;
	size_t messages, sends;
};

/* Messages in memory, one behind another, and where each begins. */
struct messages {
	uint8_t *bytes;
	size_t length, room;
	size_t *starts;
	size_t count, starts_room;
	/* Where the nests that are open begin. */
	size_t nests[4];
	int depth;
};

/* Writing messages. A message is begun with its netlink header, filled, and ended. */
void message_begin(struct messages *messages, uint16_t type, uint16_t flags);
void message_append(struct messages *messages, const void *bytes, size_t length);
void message_attribute(struct messages *messages, uint16_t type, const void *bytes, size_t length);
void message_nest(struct messages *messages, uint16_t type);
void message_nest_end(struct messages *messages);
void message_end(struct messages *messages);

/* Sockets. What fails ends the program with a sentence: a floor that failed is no floor. */
int netlink_open(int protocol);
uint16_t generic_family(int socket, const char *name);

/* Sends all messages, so many at a time, and reads the acknowledgements of each send. */
struct cost run_batches(int socket, struct messages *messages, size_t batch);

/* Sends the one message that there is, for a dump, and reads all of the answer. Adds to the cost. */
void run_dump(int socket, struct messages *messages, struct cost *cost);

/* The number-th address of a range in network order, leaving out those that end in 0. */
uint32_t numbered_address(uint32_t range, size_t number);

double now(void);
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The floors. */
struct cost floor_ipvs(size_t services, size_t endpoints, size_t batch);
struct cost floor_addresses(size_t count, const char *link, size_t batch);
struct cost floor_sets(size_t count);
struct cost floor_read(void);
struct cost floor_files(const char *path);
struct cost floor_memory(size_t mebibytes);

#endif
