// SPDX-License-Identifier: Apache-2.0
/*
 * From the flows and sources of a darknet (or any capture) to findings: scans and their tools, backscatter,
 * amplification, lone scan packets, quoted packets, new and surging ports, suspects among the operator's own addresses.
 * Pure: the same records with the same parameters give the same findings with the same ids, whatever fed them (a file,
 * an interface, the store) and in whatever order within a minute.
 *
 * With dark space only what is sent to it counts, and nothing there answers. Without it the input is ordinary traffic,
 * and a probe counts as such when its target stayed silent. docs/findings.md has every rule.
 */
#pragma once
#include "model/finding.h"
#include "model/source.h"

struct darknet; /* opaque */

struct darknet_dark {
	struct prefix prefix;
	int64_t from_ns, to_ns; /* valid in [from, to); INT64_MIN, INT64_MAX: always */
};

struct darknet_params {
	const char *sensor; /* name in the findings; NULL: "local" */
	const struct darknet_dark *dark;
	size_t n_dark;
	const struct prefix *own; /* the operator's live ranges */
	size_t n_own;
	uint32_t min_targets, min_ports; /* 0: 5, 15 */
	int64_t timeout_ns; /* silence that ends an event; 0: darknet_timeout(); unused without dark space. At least a
			       minute */
	/*
	 * Ends that darknet_poll() needs where the rules have none. Idle: silence that ends an event without dark
	 * space, and one of an own address. Age: no event lasts longer; a subject that goes on begins another. Own
	 * addresses are exempt from the age. 0: DARKNET_IDLE_NS and DARKNET_AGE_NS from the first darknet_poll() on,
	 * and never when there is none.
	 */
	int64_t max_idle_ns, max_age_ns;
	uint32_t max_events; /* kept at once, about 1 KiB each with what hangs on them; 0: 2 Mi */
	uint64_t seed;	     /* of the hash tables */
	/* Is this an acknowledged research scanner at that time? Its name, or NULL. May be NULL. */
	const char *(*research)(void *arg, const struct addr *a, int64_t ns);
	/* Whose is this own address at that time? A line for people, or NULL. May be NULL. */
	const char *(*owner)(void *arg, const struct addr *a, int64_t ns);
	/* Where is this address? Asked once a finding, for its subject. May be NULL. */
	void (*place)(void *arg, const struct addr *a, struct location *out);
	void *arg;
};

#define DARKNET_IDLE_NS (24 * (int64_t)3600 * 1000000000)
#define DARKNET_AGE_NS	(7 * DARKNET_IDLE_NS)
#define DARKNET_LATE_NS (2 * (int64_t)MINUTE_NS) /* darknet_poll() holds events so much longer, for late packets */

struct darknet *darknet_new(const struct darknet_params *params);
void darknet_free(struct darknet *d);

/* Another name for the sensor, before darknet_finish(): what is read from the store may tell only then whose it is. */
void darknet_set_sensor(struct darknet *d, const char *name);

/* clamp(3 x 2^32 / (160 x dark addresses) s, 600 s, 24 h): three times what a scan of 160 packets/s needs between two
 * visits. */
int64_t darknet_timeout(uint64_t dark_addresses);

/*
 * The records of a minute in any order, then darknet_minute(). Late packets count in the event of their own time.
 * Nothing is kept of the pointers.
 */
void darknet_flow(struct darknet *d, const struct flow *f);
void darknet_late(struct darknet *d, const struct flow *f); /* one packet of an earlier minute, with its own marks */
void darknet_source(struct darknet *d, const struct source *s);
void darknet_minute(struct darknet *d);

/* An address that a DNS answer of `by` named (A or AAAA). What only the prober himself named still counts as his
 * target. */
void darknet_named(struct darknet *d, const struct addr *a, const struct addr *by);

/* An ICMP error told `reporter` sends it to `to`, quoting a packet to `quoted`. */
struct darknet_quote {
	int64_t ns;
	struct addr reporter, to, quoted;
	uint16_t quoted_port;
	uint8_t quoted_proto, type, code;
};
void darknet_quote(struct darknet *d, const struct darknet_quote *q);

/* True while a packet of this source or to this destination would still be kept as evidence: ask before building a
 * sample. */
bool darknet_wants_sample(const struct darknet *d, const struct addr *src, const struct addr *dst, uint16_t dport);
void darknet_sample(struct darknet *d, const struct finding_sample *s);

/* The end of the input: all findings, ordered by (first, kind, subject). The finding lives until `emit` returns. */
void darknet_finish(struct darknet *d, void (*emit)(void *arg, const struct finding *), void *arg);

/*
 * The other way to the findings, for a process that runs for months: after each darknet_minute(), what is new or has
 * changed since it was told, and what is over is forgotten. Memory follows what is open (and a day of port counts), not
 * the length of the input.
 *
 * An id stays what it was when it was first told, even when a late packet turns up that is older than the finding's
 * first. Packets never decrease, but for own addresses in ordinary traffic, whose probes count while their target is
 * silent.
 */
enum darknet_news {
	DARKNET_NEW,	   /* a conclusion not told before */
	DARKNET_CHANGED,   /* an id told before, with other numbers */
	DARKNET_ENDED,	   /* the last time, with the final numbers; maybe the first time as well */
	DARKNET_WITHDRAWN, /* an id told before is concluded no more: own-watch became own-suspect, a target answered
			      after all. Only id, kind, subject, sensor and first_ns count. It may come back as
			      DARKNET_NEW */
};
typedef void darknet_tell(void *arg, const struct finding *f, enum darknet_news news);

/*
 * Tells at most `max` findings (0: all); what is left waits for the next call and is told before what was told later:
 * with little room everybody has his turn. Order: longest not told (so the new first), withdrawn before others, then
 * first, kind, subject. `now_ns` is packet time: the end of the minute that was closed; it never runs backwards.
 * Packets that come more than DARKNET_LATE_NS late may begin an event of their own. Returns how many were told.
 *
 * Costs a look at every open event, and without dark space at the peers of those that could be scans. When half of what
 * is held is over, tables are swept: then the call takes some 100 ns for each record held.
 */
size_t darknet_poll(struct darknet *d, int64_t now_ns, size_t max, darknet_tell *tell, void *arg);

uint64_t darknet_waiting(const struct darknet *d); /* findings that the last poll had no room for */
size_t darknet_open(const struct darknet *d);	   /* events that are remembered and not over */
size_t darknet_memory(const struct darknet *d);	   /* bytes held by tables */

/*
 * A finding that an earlier life of the process told and that may go on. Before any flow: all stored findings whose
 * last is not more than the timeout (without dark space max_idle_ns) before the first flow that will be read. Then the
 * flows of the last timeout, again, then what is new. The event keeps id and first, and is told when it changes,
 * flagged by the count "resumed". Packets up to the finding's last are not counted twice.
 *
 * Exact: id, first, last, packets, bytes, packets by flags, backscatter by kind, ports while they are 1,024 or fewer.
 * Lower bounds: targets, destinations, sources (the larger of what was known and what is seen since the flows that are
 * read again), ports beyond 1,024, packets of other than the 16 top ports; marks are those of the tool that was told,
 * and constants are judged anew. scan-type, port-new and port-surge don't go on, nor do own-watch and own-suspect
 * without dark space or with backscatter: false, and nothing is done. False too when it is over at once for its age,
 * when the sensor is another's, or when there is no room.
 */
bool darknet_known(struct darknet *d, const struct finding *f);

/* The tool whose marks one source shows within its minute: at least three, and half of its packets. By the rules of the
 * findings but for telnet-bot, which needs ports. Static text, NULL: none. */
const char *darknet_tool_of(const struct source *s);

/* What limits refused: addresses, targets, connections ... 0 when all conclusions are whole. */
uint64_t darknet_refused(const struct darknet *d);
