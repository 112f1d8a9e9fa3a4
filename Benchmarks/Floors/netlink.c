/* Netlink sockets and messages, as a C program that does nothing else would do it. */
#define _GNU_SOURCE
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

/* Room for the acknowledgements of a send, as the agent has it. */
static const int queue_size = 4 << 20;

void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("floor: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	exit(1);
}

double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

uint32_t numbered_address(uint32_t range, size_t number)
{
	return htonl(range + (uint32_t)(number / 255 * 256 + number % 255 + 1));
}

/* Room for so many bytes more, zeroed. */
static uint8_t *extend(struct messages *messages, size_t length)
{
	if (messages->length + length > messages->room) {
		messages->room = 2 * messages->room + length + 65536;
		messages->bytes = realloc(messages->bytes, messages->room);
		if (messages->bytes == NULL)
			die("no memory for %zu bytes of messages", messages->room);
	}
	uint8_t *start = messages->bytes + messages->length;
	memset(start, 0, length);
	messages->length += length;
	return start;
}

void message_begin(struct messages *messages, uint16_t type, uint16_t flags)
{
	if (messages->count == messages->starts_room) {
		messages->starts_room = 2 * messages->starts_room + 1024;
		messages->starts = realloc(messages->starts, messages->starts_room * sizeof(size_t));
		if (messages->starts == NULL)
			die("no memory for %zu messages", messages->starts_room);
	}
	messages->starts[messages->count++] = messages->length;
	struct nlmsghdr *header = (struct nlmsghdr *)extend(messages, NLMSG_HDRLEN);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = (uint32_t)messages->count;
}

void message_append(struct messages *messages, const void *bytes, size_t length)
{
	memcpy(extend(messages, length), bytes, length);
}

void message_attribute(struct messages *messages, uint16_t type, const void *bytes, size_t length)
{
	uint8_t *start = extend(messages, NLA_ALIGN(NLA_HDRLEN + length));
	struct nlattr *attribute = (struct nlattr *)start;
	attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
	attribute->nla_type = type;
	memcpy(start + NLA_HDRLEN, bytes, length);
}

void message_nest(struct messages *messages, uint16_t type)
{
	messages->nests[messages->depth++] = messages->length;
	struct nlattr *attribute = (struct nlattr *)extend(messages, NLA_HDRLEN);
	attribute->nla_type = type | NLA_F_NESTED;
}

void message_nest_end(struct messages *messages)
{
	size_t start = messages->nests[--messages->depth];
	struct nlattr *attribute = (struct nlattr *)(messages->bytes + start);
	attribute->nla_len = (uint16_t)(messages->length - start);
}

void message_end(struct messages *messages)
{
	size_t start = messages->starts[messages->count - 1];
	struct nlmsghdr *header = (struct nlmsghdr *)(messages->bytes + start);
	header->nlmsg_len = (uint32_t)(messages->length - start);
	extend(messages, NLMSG_ALIGN(header->nlmsg_len) - header->nlmsg_len);
}

int netlink_open(int protocol)
{
	int socket_number = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 5 };
	const int on = 1;
	if (socket_number < 0 || bind(socket_number, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("no netlink socket: %s", strerror(errno));
	if (setsockopt(socket_number, SOL_SOCKET, SO_RCVBUFFORCE, &queue_size, sizeof(queue_size)) < 0)
		die("the receive buffer: %s", strerror(errno));
	setsockopt(socket_number, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(socket_number, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(socket_number, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return socket_number;
}

/* Room for an acknowledgement, or for a piece of a dump. */
static uint8_t answer[65536];

static size_t receive(int socket_number)
{
	ssize_t length = recv(socket_number, answer, sizeof(answer), 0);
	if (length < 0)
		die("recv: %s", strerror(errno));
	return (size_t)length;
}

uint16_t generic_family(int socket_number, const char *name)
{
	struct messages messages = { 0 };
	const struct genlmsghdr header = { .cmd = CTRL_CMD_GETFAMILY, .version = 2 };
	message_begin(&messages, GENL_ID_CTRL, 0);
	message_append(&messages, &header, sizeof(header));
	message_attribute(&messages, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	message_end(&messages);
	if (send(socket_number, messages.bytes, messages.length, 0) < 0)
		die("send: %s", strerror(errno));
	free(messages.bytes);
	free(messages.starts);
	size_t length = receive(socket_number);
	const struct nlmsghdr *reply = (const struct nlmsghdr *)answer;
	if (reply->nlmsg_type != GENL_ID_CTRL)
		die("the kernel has no generic netlink family %s", name);
	for (size_t offset = NLMSG_HDRLEN + GENL_HDRLEN; offset + NLA_HDRLEN <= length;) {
		const struct nlattr *attribute = (const struct nlattr *)(answer + offset);
		if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(const uint16_t *)(answer + offset + NLA_HDRLEN);
		offset += NLA_ALIGN(attribute->nla_len);
	}
	die("the family %s has no number", name);
}

/* Looks at the acknowledgements in a datagram; returns the highest sequence number. */
static uint32_t check(const uint8_t *bytes, size_t length)
{
	uint32_t last = 0;
	for (size_t offset = 0; offset + NLMSG_HDRLEN <= length;) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)(bytes + offset);
		const int32_t *code = (const int32_t *)(bytes + offset + NLMSG_HDRLEN);
		if (header->nlmsg_type != NLMSG_ERROR)
			die("message %u was answered with type %u", header->nlmsg_seq, header->nlmsg_type);
		if (*code != 0)
			die("message %u: %s", header->nlmsg_seq, strerror(-*code));
		last = header->nlmsg_seq;
		offset += NLMSG_ALIGN(header->nlmsg_len);
	}
	return last;
}

struct cost run_batches(int socket_number, struct messages *messages, size_t batch)
{
	struct cost cost = { .messages = messages->count };
	for (size_t index = 0; index < messages->count; index++)
		if ((index + 1) % batch == 0 || index + 1 == messages->count)
			((struct nlmsghdr *)(messages->bytes + messages->starts[index]))->nlmsg_flags |= NLM_F_ACK;
	double start = now();
	for (size_t first = 0; first < messages->count; first += batch) {
		const size_t end = first + batch < messages->count ? first + batch : messages->count;
		const size_t from = messages->starts[first];
		const size_t to = end < messages->count ? messages->starts[end] : messages->length;
		if (send(socket_number, messages->bytes + from, to - from, 0) != (ssize_t)(to - from))
			die("send: %s", strerror(errno));
		cost.sends++;
		while (check(answer, receive(socket_number)) < end)
			;
	}
	cost.seconds = now() - start;
	return cost;
}

void run_dump(int socket_number, struct messages *messages, struct cost *cost)
{
	double start = now();
	if (send(socket_number, messages->bytes, messages->length, 0) != (ssize_t)messages->length)
		die("send: %s", strerror(errno));
	cost->sends++;
	for (;;) {
		size_t length = receive(socket_number);
		for (size_t offset = 0; offset + NLMSG_HDRLEN <= length;) {
			const struct nlmsghdr *header = (const struct nlmsghdr *)(answer + offset);
			if (header->nlmsg_type == NLMSG_ERROR)
				die("a dump failed: %s", strerror(-*(const int32_t *)(answer + offset + NLMSG_HDRLEN)));
			if (header->nlmsg_type == NLMSG_DONE) {
				cost->seconds += now() - start;
				return;
			}
			cost->messages++;
			offset += NLMSG_ALIGN(header->nlmsg_len);
		}
	}
}
