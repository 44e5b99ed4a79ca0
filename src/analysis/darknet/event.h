// SPDX-License-Identifier: Apache-2.0
/*
 * What the analysis remembers: addresses, connections, and events. An event is one subject doing (or suffering) one
 * kind of thing until it falls silent; its peers, ports and TCP flags are counted exactly. Private to analysis/darknet.
 */
#pragma once
#include "analysis/darknet/darknet.h"
#include "base/idmap.h"
#include "model/prefixset.h"

#define EVENT_MAX ((size_t)2 << 20) /* unless darknet_params says otherwise */

enum event_type {
	EVENT_TCP,	      /* subject probes: SYN, NULL, FIN, XMAS */
	EVENT_UDP,	      /* subject probes with datagrams */
	EVENT_ICMP,	      /* subject probes with echo requests */
	EVENT_BACKSCATTER,    /* subject answers what nobody asked; ports are its own */
	EVENT_REFLECT_UDP,    /* subject receives UDP nobody asked for; ports are the senders' */
	EVENT_REFLECT_SYNACK, /* the same with SYN-ACK */
	EVENT_INFLOW,	      /* all that the subject receives */
	EVENT_OWN,	      /* subject is one of the operator's addresses and reached dark space */
	EVENT_QUOTE,	      /* subject was the target of packets that ICMP errors quote; peers are who is told */
	EVENT_TYPES
};

enum {
	ADDR_SYN_ACK = 1,    /* sent a SYN-ACK */
	ADDR_UDP_ANSWER = 2, /* sent UDP to somebody who had asked */
	ADDR_NAMED = 4,	     /* a DNS answer named it */
	ADDR_HANDSHAKE = 8,  /* completed a handshake: the address is not forged */
	ADDR_OWN = 16,
};

#define ADDR_NAMED_BY_SEVERAL UINT32_MAX

struct address {
	struct addr a;
	uint8_t flags;
	uint8_t sampled_as_src, sampled_as_dst;
	uint32_t named_by;	     /* who named it, + 1; ADDR_NAMED_BY_SEVERAL */
	uint32_t event[EVENT_TYPES]; /* current one + 1, 0: none */
	int32_t seen;		     /* ordinary traffic: minute of its last packet, since 1970 */
};

/* A packet worth showing; heads are kept apart. */
struct sample_ref {
	int64_t ns;
	uint32_t src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};

struct peer {
	uint32_t addr, next; /* next: + 1, of the same event */
	uint64_t packets;
	uint32_t n_ports, ports; /* distinct; chain into `pairs`, + 1 */
};

/* A counted member of an event or peer: port or flags. */
struct member {
	uint16_t value;
	uint32_t next;
	uint64_t packets;
	int64_t first;
};

/* What darknet_poll() told of a subject last. */
struct told {
	int64_t first; /* of the finding, which keeps its id; valid once `at` is set */
	uint64_t look; /* digest of what the conclusion was drawn from */
	uint32_t at;   /* number of the poll; 0: never */
	uint8_t kind;  /* + 1; 0: nothing, or it was withdrawn */
	bool ended;
};

struct event {
	uint32_t addr;
	uint32_t earlier; /* the event of this subject and type that was opened before, + 1 */
	uint8_t type;	  /* enum event_type */
	uint8_t ttl_min, ttl_max;
	uint8_t constants; /* as in struct source, over minutes with two SYNs or more */
	uint8_t udp_proto; /* enum udp_protocol of the first payload that had one */
	bool dead;	   /* forgotten; its room is taken back by compact() */
	bool resumed;	   /* began in an earlier life: see darknet_known() */
	uint8_t lones[3];  /* NULL, FIN, XMAS packets told one by one */
	uint32_t constant_syns;
	int64_t first, last;
	int64_t known_last; /* resumed: packets until then are in the counts already */
	uint64_t packets, bytes;
	uint64_t tagged[MARK_N], marked[MARK_N]; /* packets of flows that matched; matches counted at the sources */
	uint64_t quoting;			 /* backscatter: ICMP errors that carry the packet they answer */
	uint64_t by_kind[3];		      /* backscatter: TCP, ICMP, UDP; UDP reflection: later fragments first */
	uint32_t peers, ports, flags;	      /* chains, + 1 */
	uint32_t n_peers, n_ports, max_ports; /* max_ports: most of one peer */
	uint32_t n_refs;
	struct sample_ref refs[FINDING_SAMPLES];
	struct told told;
	uint64_t known_peers; /* resumed: so many were known before */
};

struct conn {
	int64_t first[2]; /* by direction; INT64_MAX: nothing yet */
	uint8_t sent[2];  /* CONN_* */
	int32_t seen;	  /* minute of the last packet, since 1970 */
};
enum { CONN_SYN = 1, CONN_SYN_ACK = 2, CONN_DATA = 4, CONN_RST = 8, CONN_ANY = 16 };

struct lone {
	struct sample_ref ref;
	uint64_t packets;
	uint32_t event; /* + 1; 0: none */
	uint8_t flags;
	bool chosen, told; /* by darknet_poll() */
};

struct kept_head {
	int32_t seen;
	uint8_t n;
	uint8_t bytes[FINDING_HEAD];
};

struct darknet {
	struct darknet_params p;
	char sensor[64];
	struct prefixset dark, own;
	uint64_t refused;

	struct flow *flows; /* of the minute */
	struct source *sources;
	size_t n_flows, room_flows, n_sources, room_sources;
	struct flow *lates; /* single packets of minutes that were closed */
	size_t n_lates, room_lates;
	bool late; /* these are being judged */

	struct idmap addr_map, conn_map, peer_map, pair_map, port_map, flag_map, open_map, head_map;
	struct address *addrs;
	struct conn *conns;
	struct peer *peers;
	struct member *pairs, *ports, *flags;
	struct kept_head *heads;
	size_t room_addrs, room_conns, room_peers, room_pairs, room_ports, room_flags, room_heads;

	struct event *events;
	size_t n_events, room_events;
	struct lone *lones;
	size_t n_lones, room_lones;
	uint64_t lones_left_out;
	uint64_t quotes; /* told by darknet_quote() */

	struct idmap hour_map, hour_source_map, watched_map; /* watched: hours in which anything was seen */
	struct port_hour *hours;			     /* ports.h */
	size_t room_hours, hours_open;			     /* open: the first that may still change */
	uint64_t hours_begin;				     /* the first hour of all */

	/* Of darknet_poll(): */
	struct idmap own_map; /* own addresses (by number) that have or had events */
	struct told *owns;
	size_t room_owns, n_dead, kept_after; /* records left by the last compact() */
	uint32_t polls, compact_at;
	uint64_t waiting, refused_before;
	int64_t now;
};

static inline int32_t event_minute(int64_t ns)
{
	return (int32_t)(ns / MINUTE_NS);
}

static inline void event_see(struct address *a, int64_t ns)
{
	a->seen = event_minute(ns) > a->seen ? event_minute(ns) : a->seen;
}

/* Silence that ends an event of this type; INT64_MAX: none does. */
static inline int64_t event_patience(const struct darknet *d, enum event_type type)
{
	if (d->p.n_dark && type != EVENT_OWN)
		return d->p.timeout_ns;
	return d->p.max_idle_ns ? d->p.max_idle_ns : INT64_MAX;
}

/* Can no packet from `ns` on belong to it? */
bool event_over(const struct darknet *d, const struct event *e, int64_t ns);

/* Distinct peers; of a resumed event at least so many. */
static inline uint64_t event_peers(const struct event *e)
{
	return e->n_peers > e->known_peers ? e->n_peers : e->known_peers;
}

/* When the finding began that is told of it. */
static inline int64_t event_first(const struct event *e)
{
	return e->told.at ? e->told.first : e->first;
}

/* The event is forgotten: nothing finds it any more. */
void event_kill(struct darknet *d, uint32_t number);

/* Puts a known port or TCP flag value into the event. */
void event_put_port(struct darknet *d, struct event *e, uint16_t port, const struct flow *f);
void event_put_flags(struct darknet *d, struct event *e, uint8_t flags, const struct flow *f);

/* The number of an address, IDMAP_NONE when the table is full. */
uint32_t event_address(struct darknet *d, const struct addr *a);

/* The same without taking it in. */
uint32_t event_find(const struct darknet *d, const struct addr *a);

/* Where the head of a sample packet is kept. */
uint64_t event_sample_key(const struct darknet *d, const struct sample_ref *r);

/* What one flow adds to an event of `subject`: `port` is the one that counts for the type. */
struct event_add {
	uint32_t subject, peer;
	uint16_t port;
	bool has_port;
	const struct flow *flow;
	struct sample_ref ref;
};

/* The event now open (or newly opened); NULL when a table is full. */
struct event *event_add(struct darknet *d, enum event_type type, const struct event_add *in);

/* A new event of the subject, which becomes its current one; NULL when there is no room. */
struct event *event_new(struct darknet *d, enum event_type type, uint32_t subject, const struct flow *f);

/* The event whose time, with its timeout on either side, holds [first, last]: captures may come in any order. NULL:
 * none. */
struct event *event_at(struct darknet *d, enum event_type type, uint32_t subject, int64_t first, int64_t last);

/* The connection of a flow and whether the flow runs in its first direction; NULL: the table is full. */
struct conn *event_conn(struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst, int *direction);

/* (address, port) pairs that sent a SYN-ACK. */
void event_open(struct darknet *d, uint32_t addr, uint16_t port);
bool event_is_open(const struct darknet *d, uint32_t addr, uint16_t port);

void event_init(struct darknet *d);
void event_fini(struct darknet *d);
