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
	int64_t timeout_ns;  /* silence that ends an event; 0: darknet_timeout(); unused without dark space. At least a
				minute */
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

/* What limits refused: addresses, targets, connections ... 0 when all conclusions are whole. */
uint64_t darknet_refused(const struct darknet *d);
