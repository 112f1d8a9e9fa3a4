/* Virtual servers and their real servers: all virtual servers first, as a plan of the agent has it. */
#include "floor.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

static void number16(struct messages *messages, uint16_t type, uint16_t value)
{
	message_attribute(messages, type, &value, sizeof(value));
}

static void number32(struct messages *messages, uint16_t type, uint32_t value)
{
	message_attribute(messages, type, &value, sizeof(value));
}

static void padded_address(struct messages *messages, uint16_t type, uint32_t value)
{
	uint8_t bytes[16] = { 0 };
	memcpy(bytes, &value, sizeof(value));
	message_attribute(messages, type, bytes, sizeof(bytes));
}

static void begin(struct messages *messages, uint16_t family, uint8_t command, size_t service)
{
	const struct genlmsghdr header = { .cmd = command, .version = IPVS_GENL_VERSION };
	message_begin(messages, family, 0);
	message_append(messages, &header, sizeof(header));
	message_nest(messages, IPVS_CMD_ATTR_SERVICE);
	number16(messages, IPVS_SVC_ATTR_AF, AF_INET);
	number16(messages, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
	padded_address(messages, IPVS_SVC_ATTR_ADDR, numbered_address(0x0a600000, service));
	number16(messages, IPVS_SVC_ATTR_PORT, htons(80));
}

static void add_service(struct messages *messages, uint16_t family, size_t service)
{
	const struct ip_vs_flags flags = { .flags = 0, .mask = ~0u };
	begin(messages, family, IPVS_CMD_NEW_SERVICE, service);
	message_attribute(messages, IPVS_SVC_ATTR_SCHED_NAME, "rr", 3);
	message_attribute(messages, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags));
	number32(messages, IPVS_SVC_ATTR_TIMEOUT, 0);
	number32(messages, IPVS_SVC_ATTR_NETMASK, ~0u);
	message_nest_end(messages);
	message_end(messages);
}

static void add_destination(struct messages *messages, uint16_t family, size_t service, size_t endpoint)
{
	begin(messages, family, IPVS_CMD_NEW_DEST, service);
	message_nest_end(messages);
	message_nest(messages, IPVS_CMD_ATTR_DEST);
	padded_address(messages, IPVS_DEST_ATTR_ADDR, numbered_address(0x0a800000, endpoint));
	number16(messages, IPVS_DEST_ATTR_PORT, htons(8080));
	number16(messages, IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET);
	number32(messages, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
	number32(messages, IPVS_DEST_ATTR_WEIGHT, 1);
	number32(messages, IPVS_DEST_ATTR_U_THRESH, 0);
	number32(messages, IPVS_DEST_ATTR_L_THRESH, 0);
	message_nest_end(messages);
	message_end(messages);
}

struct cost floor_ipvs(size_t services, size_t endpoints, size_t batch)
{
	struct messages messages = { 0 };
	int socket = netlink_open(NETLINK_GENERIC);
	uint16_t family = generic_family(socket, IPVS_GENL_NAME);
	for (size_t service = 0; service < services; service++)
		add_service(&messages, family, service);
	for (size_t service = 0; service < services; service++)
		for (size_t endpoint = 0; endpoint < endpoints; endpoint++)
			add_destination(&messages, family, service, service * endpoints + endpoint);
	return run_batches(socket, &messages, batch);
}
