// SPDX-License-Identifier: Apache-2.0
/* Interfaces of a network namespace through rtnetlink(7): pairs, addresses, routes, neighbours. Not thread-safe per
 * namespace. */
#pragma once
#include "model/addr.h"
#include "netns/netns.h"

/* A veth pair, `name_a` in `a` and `name_b` in `b` (may be the same namespace). Both are down. Names have at most 15
 * octets. */
int iface_pair(struct netns *a, const char *name_a, struct netns *b, const char *name_b, struct err *err) NODISCARD;

int iface_up(struct netns *ns, const char *name, struct err *err) NODISCARD;
int iface_down(struct netns *ns, const char *name, struct err *err) NODISCARD;
int iface_remove(struct netns *ns, const char *name, struct err *err) NODISCARD;

/* An address with the prefix of its network: "192.0.2.1", 24; no duplicate address detection. */
int iface_address(
	struct netns *ns, const char *name, const struct addr *addr, unsigned bits, struct err *err) NODISCARD;

/* A route through `name`; `gateway` NULL: on the link. The default route is the prefix of length 0 of its family. */
int iface_route(struct netns *ns, const char *name, const struct prefix *to, const struct addr *gateway,
	struct err *err) NODISCARD;

/* A neighbour that needs no ARP or neighbour discovery. */
int iface_neighbour(
	struct netns *ns, const char *name, const struct addr *addr, const uint8_t mac[6], struct err *err) NODISCARD;

/* The Ethernet address. */
int iface_mac(struct netns *ns, const char *name, uint8_t mac[6], struct err *err) NODISCARD;

/* The index, or -1. */
int iface_index(struct netns *ns, const char *name, struct err *err) NODISCARD;
