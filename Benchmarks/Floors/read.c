/* Reading what adopting a node reads: virtual servers, /proc/net/ip_vs, addresses, sets with their entries, once each. */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_services(struct cost *cost)
{
	struct messages messages = { 0 };
	int socket = netlink_open(NETLINK_GENERIC);
	const struct genlmsghdr header = { .cmd = IPVS_CMD_GET_SERVICE, .version = IPVS_GENL_VERSION };
	message_begin(&messages, generic_family(socket, IPVS_GENL_NAME), NLM_F_DUMP);
	message_append(&messages, &header, sizeof(header));
	message_end(&messages);
	run_dump(socket, &messages, cost);
}

static void read_table(struct cost *cost)
{
	static char text[1 << 16];
	ssize_t length;
	double start = now();
	int file = open("/proc/net/ip_vs", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		die("/proc/net/ip_vs: %s", strerror(errno));
	while ((length = read(file, text, sizeof(text))) > 0)
		;
	if (length < 0)
		die("/proc/net/ip_vs: %s", strerror(errno));
	close(file);
	cost->seconds += now() - start;
}

static void read_addresses(struct cost *cost)
{
	struct messages messages = { 0 };
	const struct ifaddrmsg header = { 0 };
	message_begin(&messages, RTM_GETADDR, NLM_F_DUMP);
	message_append(&messages, &header, sizeof(header));
	message_end(&messages);
	run_dump(netlink_open(NETLINK_ROUTE), &messages, cost);
}

static void read_sets(struct cost *cost)
{
	struct messages messages = { 0 };
	const struct nfgenmsg header = { .version = NFNETLINK_V0 };
	const uint8_t protocol = IPSET_PROTOCOL_MIN;
	message_begin(&messages, NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST, NLM_F_DUMP);
	message_append(&messages, &header, sizeof(header));
	message_attribute(&messages, IPSET_ATTR_PROTOCOL, &protocol, sizeof(protocol));
	message_end(&messages);
	run_dump(netlink_open(NETLINK_NETFILTER), &messages, cost);
}

struct cost floor_read(void)
{
	struct cost cost = { 0 };
	read_services(&cost);
	read_table(&cost);
	read_addresses(&cost);
	read_sets(&cost);
	return cost;
}
