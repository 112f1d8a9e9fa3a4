/* Addresses as /32 on a link: those of the virtual servers of the other floor. */
#include "floor.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

struct cost floor_addresses(size_t count, const char *link, size_t batch)
{
	struct messages messages = { 0 };
	const unsigned index = if_nametoindex(link);
	const uint32_t flags = IFA_F_PERMANENT;
	if (index == 0)
		die("there is no link %s", link);
	for (size_t number = 0; number < count; number++) {
		const uint32_t value = numbered_address(0x0a600000, number);
		const struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index };
		message_begin(&messages, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
		message_append(&messages, &header, sizeof(header));
		message_attribute(&messages, IFA_LOCAL, &value, sizeof(value));
		message_attribute(&messages, IFA_ADDRESS, &value, sizeof(value));
		message_attribute(&messages, IFA_FLAGS, &flags, sizeof(flags));
		message_end(&messages);
	}
	return run_batches(netlink_open(NETLINK_ROUTE), &messages, batch);
}
