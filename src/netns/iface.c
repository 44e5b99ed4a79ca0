// SPDX-License-Identifier: Apache-2.0
#include "netns/iface.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 8192

struct request {
	char buf[ROOM];
	struct nlmsghdr *head;
};

/* What a get was answered with. */
struct answer {
	int index;
	uint8_t mac[6];
};

static void *begin(struct request *r, int type, int flags, size_t size)
{
	memset(r->buf, 0, 512);
	r->head = mnl_nlmsg_put_header(r->buf);
	r->head->nlmsg_type = (uint16_t)type;
	r->head->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r->head->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(r->head, size);
}

static int on_attr(const struct nlattr *attr, void *arg)
{
	struct answer *a = arg;
	if (mnl_attr_get_type(attr) == IFLA_ADDRESS && mnl_attr_get_payload_len(attr) == 6)
		memcpy(a->mac, mnl_attr_get_payload(attr), 6);
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *head, void *arg)
{
	struct answer *a = arg;
	if (!a || head->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(head);
	a->index = info->ifi_index;
	return mnl_attr_parse(head, sizeof *info, on_attr, a);
}

/* Sends and reads up to the acknowledgement. Returns 0 or -1 with errno. */
static int ask(struct netns *ns, struct request *r, struct answer *a)
{
	char buf[16384];
	if (send(ns->netlink, r->head, r->head->nlmsg_len, 0) < 0)
		return -1;
	for (;;) {
		ssize_t n = recv(ns->netlink, buf, sizeof buf, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		int more = mnl_cb_run(buf, (size_t)n, r->head->nlmsg_seq, 0, on_link, a);
		if (more <= MNL_CB_STOP)
			return more;
	}
}

static int told(int r, const char *what, const char *name, struct err *err)
{
	return r == 0 ? 0 : err_set(err, -1, "%s: %s: %s", name, what, strerror(errno));
}

static int look(struct netns *ns, const char *name, struct answer *a, struct err *err)
{
	struct request r;
	begin(&r, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	return told(ask(ns, &r, a), "no such interface", name, err);
}

int iface_index(struct netns *ns, const char *name, struct err *err)
{
	struct answer a = { 0 };
	return look(ns, name, &a, err) == 0 ? a.index : -1;
}

int iface_mac(struct netns *ns, const char *name, uint8_t mac[6], struct err *err)
{
	struct answer a = { 0 };
	int r = look(ns, name, &a, err);
	memcpy(mac, a.mac, 6);
	return r;
}

int iface_pair(struct netns *a, const char *name_a, struct netns *b, const char *name_b, struct err *err)
{
	struct request r;
	if (strlen(name_a) >= IFNAMSIZ || strlen(name_b) >= IFNAMSIZ)
		return err_set(err, -1, "an interface name has at most %d octets", IFNAMSIZ - 1);
	begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name_a);
	struct nlattr *info = mnl_attr_nest_start(r.head, IFLA_LINKINFO);
	mnl_attr_put_strz(r.head, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(r.head, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(r.head, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r.head, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name_b);
	mnl_attr_put_u32(r.head, IFLA_NET_NS_FD, (uint32_t)b->fd);
	mnl_attr_nest_end(r.head, peer);
	mnl_attr_nest_end(r.head, data);
	mnl_attr_nest_end(r.head, info);
	return told(ask(a, &r, NULL), "can't make a pair", name_a, err);
}

static int set_flags(struct netns *ns, const char *name, unsigned flags, struct err *err)
{
	struct request r;
	struct ifinfomsg *info = begin(&r, RTM_NEWLINK, 0, sizeof *info);
	info->ifi_flags = flags;
	info->ifi_change = IFF_UP;
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	return told(ask(ns, &r, NULL), flags ? "can't be set up" : "can't be set down", name, err);
}

int iface_up(struct netns *ns, const char *name, struct err *err)
{
	return set_flags(ns, name, IFF_UP, err);
}

int iface_down(struct netns *ns, const char *name, struct err *err)
{
	return set_flags(ns, name, 0, err);
}

int iface_remove(struct netns *ns, const char *name, struct err *err)
{
	struct request r;
	begin(&r, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	return told(ask(ns, &r, NULL), "can't be removed", name, err);
}

static unsigned char family(const struct addr *a)
{
	return addr_is4(a) ? AF_INET : AF_INET6;
}

static void put_addr(struct request *r, uint16_t type, const struct addr *a)
{
	if (addr_is4(a))
		mnl_attr_put(r->head, type, 4, a->b + 12);
	else
		mnl_attr_put(r->head, type, 16, a->b);
}

int iface_address(struct netns *ns, const char *name, const struct addr *addr, unsigned bits, struct err *err)
{
	struct request r;
	int index = iface_index(ns, name, err);
	if (index < 0)
		return -1;
	struct ifaddrmsg *m = begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
	m->ifa_family = family(addr);
	m->ifa_prefixlen = (uint8_t)bits;
	m->ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD;
	m->ifa_index = (unsigned)index;
	put_addr(&r, IFA_LOCAL, addr);
	put_addr(&r, IFA_ADDRESS, addr);
	return told(ask(ns, &r, NULL), "can't take the address", name, err);
}

int iface_route(
	struct netns *ns, const char *name, const struct prefix *to, const struct addr *gateway, struct err *err)
{
	struct request r;
	int index = iface_index(ns, name, err);
	if (index < 0)
		return -1;
	struct rtmsg *m = begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
	m->rtm_family = family(&to->addr);
	m->rtm_dst_len = (uint8_t)(addr_is4(&to->addr) ? to->bits - 96 : to->bits);
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	m->rtm_type = RTN_UNICAST;
	if (m->rtm_dst_len)
		put_addr(&r, RTA_DST, &to->addr);
	if (gateway)
		put_addr(&r, RTA_GATEWAY, gateway);
	mnl_attr_put_u32(r.head, RTA_OIF, (uint32_t)index);
	return told(ask(ns, &r, NULL), "can't take the route", name, err);
}

int iface_neighbour(struct netns *ns, const char *name, const struct addr *addr, const uint8_t mac[6], struct err *err)
{
	struct request r;
	int index = iface_index(ns, name, err);
	if (index < 0)
		return -1;
	struct ndmsg *m = begin(&r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof *m);
	m->ndm_family = family(addr);
	m->ndm_ifindex = index;
	m->ndm_state = NUD_PERMANENT;
	put_addr(&r, NDA_DST, addr);
	mnl_attr_put(r.head, NDA_LLADDR, 6, mac);
	return told(ask(ns, &r, NULL), "can't take the neighbour", name, err);
}
