// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over the flows of a period: everything of a report that is counted packet by packet. Each number is kept
 * twice, for sources that are acknowledged research scanners and for all others: what a reader calls "with" is the sum.
 *
 * Packets are exact. Different hosts are exact while the sources of the period fit into the table; when it is full,
 * only hosts whose hash has one more zero bit stay (Gibbons 2001, "distinct sampling"), and their number is doubled.
 * An estimate of N hosts at level L has the standard error sqrt(N * (2^L - 1)). The hash has a fixed key: the same
 * records give the same numbers. `seed` only orders tables that are never walked.
 */
#pragma once
#include "model/flow.h"
#include "store/store.h"
#include "view/reportperiod.h"

/* What packets are told apart by: the columns of NICTER's daily tables. */
enum { REPORT_SYN, REPORT_SYNACK, REPORT_UDP, REPORT_ICMP, REPORT_OTHER, REPORT_GROUPS };

/* Of whom: [0] all others, [1] research scanners. */
enum { REPORT_OTHERS, REPORT_RESEARCH, REPORT_PARTS };

/* Hosts with a trait; bits of what a host did, above those of the groups. */
enum {
	REPORT_TELNET = REPORT_GROUPS, /* TCP SYN to port 23 or 2323 */
	REPORT_MIRAI,
	REPORT_ZMAP,
	REPORT_MASSCAN,
	REPORT_NMAP,
	REPORT_TRAITS
};

#define REPORT_COUNTRIES 677 /* 0: unknown, then AA .. ZZ */
#define REPORT_ORGS	 512
#define REPORT_PORTS	 131072u /* TCP, then UDP */
#define REPORT_BINS	 400

struct report_split {
	uint64_t n[REPORT_PARTS];
};
static inline uint64_t report_with(const struct report_split *s)
{
	return s->n[REPORT_OTHERS] + s->n[REPORT_RESEARCH];
}

/* Different hosts: by trait, any, and the two of the bots table ("telnet alone": without the mark of Mirai). */
struct report_hosts {
	struct report_split all, trait[REPORT_TRAITS], telnet_alone;
	struct report_split japan_mirai, japan_telnet_alone;
	bool estimate;
};

/* A day of the period; of a period of one day, an hour. */
struct report_bin {
	int64_t from_ns, to_ns, day;
	struct report_split packets[REPORT_GROUPS];
	uint64_t to_ip4[REPORT_PARTS]; /* packets to IPv4 addresses */
	struct report_hosts hosts;
	bool rolled; /* its flows are gone: packets by the sums of hours, research scanners not told apart */
};

struct report_place {
	struct report_split packets, hosts;
};

struct report_org {
	const char *name; /* of know/research.h */
	uint64_t packets, hosts;
};

struct reportscan {
	struct report_bin bins[REPORT_BINS];
	size_t bins_n;
	struct report_hosts hosts;		  /* of the whole period */
	struct report_split marks[REPORT_TRAITS]; /* packets, from REPORT_TELNET on */
	struct report_place *ports;		  /* REPORT_PORTS; the destination ports of TCP SYN and UDP */
	struct report_place countries[REPORT_COUNTRIES];
	struct report_org orgs[REPORT_ORGS]; /* [0]: none; the last: all that had no room */
	size_t orgs_n;
	int64_t first_ns, last_ns; /* of the packets; 0: none */
	uint64_t flows, broken;
	unsigned level, port_level; /* of the hosts, of the hosts by port; 0: exact */
	size_t rolled_n;	    /* bins whose packets come from the sums of hours */
};

struct reportscan_params {
	struct store *store;
	const struct reportzone *zone;
	struct reportperiod period;
	bool brief; /* totals alone: no ports */
	uint64_t seed;
	size_t max_sources, max_pairs; /* limits of the tables; 0: 4 Mi, 8 Mi (about 300 MB when full) */
	/* Who of the sources scans for research, and where it is; NULL where nothing is known. */
	const char *(*research)(void *arg, const struct addr *a, int64_t ns);
	const char *(*country)(void *arg, const struct addr *a);
	void (*progress)(void *arg, int64_t at_ns); /* now and then; may be NULL */
	void *arg;
	const atomic_bool *cancel;
};

struct reportscan *reportscan_new(void);
void reportscan_free(struct reportscan *s);

/* 0, or a negative code of the store. */
int reportscan_run(struct reportscan *s, const struct reportscan_params *p, struct err *err) NODISCARD;

/* "JP" of a number, "" of 0. */
const char *reportscan_country(size_t number, char out[3]);
