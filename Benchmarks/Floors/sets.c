/* Entries of the set of cluster IPs (address, protocol, port), through libipset as the agent goes, which gathers them into messages itself.
 * The sends are not counted. */
#include "floor.h"

#include <libipset/data.h>
#include <libipset/ipset.h>
#include <libipset/session.h>
#include <libipset/types.h>
#include <netinet/in.h>

static const char set_name[] = "KUBE-CLUSTER-IP";

static void must(struct ipset_session *session, int result)
{
	if (result < 0)
		die("libipset: %s", ipset_session_report_msg(session));
}

struct cost floor_sets(size_t count)
{
	struct cost cost = { .messages = count };
	const uint8_t family = NFPROTO_IPV4, protocol = IPPROTO_TCP;
	const uint16_t port = 80;
	const uint32_t buckets = 1024, most = 1 << 20;
	ipset_load_types();
	struct ipset_session *session = ipset_session_init(NULL, NULL);
	if (session == NULL)
		die("libipset: no session");
	struct ipset_data *data = ipset_session_data(session);
	ipset_envopt_set(session, IPSET_ENV_EXIST);
	ipset_data_set(data, IPSET_SETNAME, set_name);
	ipset_data_set(data, IPSET_OPT_TYPENAME, "hash:ip,port");
	ipset_data_set(data, IPSET_OPT_FAMILY, &family);
	if (ipset_type_get(session, IPSET_CMD_CREATE) == NULL)
		die("libipset: no type hash:ip,port");
	ipset_data_set(data, IPSET_OPT_HASHSIZE, &buckets);
	ipset_data_set(data, IPSET_OPT_MAXELEM, &most);
	must(session, ipset_cmd(session, IPSET_CMD_CREATE, 0));

	double start = now();
	for (size_t number = 0; number < count; number++) {
		const uint32_t address = numbered_address(0x0a600000, number);
		ipset_data_set(data, IPSET_SETNAME, set_name);
		if (ipset_type_get(session, IPSET_CMD_ADD) == NULL)
			die("libipset: %s", ipset_session_report_msg(session));
		ipset_data_set(data, IPSET_OPT_IP, &address);
		ipset_data_set(data, IPSET_OPT_PORT, &port);
		ipset_data_set(data, IPSET_OPT_PROTO, &protocol);
		must(session, ipset_cmd(session, IPSET_CMD_ADD, (uint32_t)number + 1));
	}
	must(session, ipset_commit(session));
	cost.seconds = now() - start;
	ipset_session_fini(session);
	return cost;
}
