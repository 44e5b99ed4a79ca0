// SPDX-License-Identifier: Apache-2.0
/*
 * Which flows a question is about: the filter parameters that all questions over flows share, read once, asked of every
 * flow. What is said of a source's place or of research scanners is looked up once a source.
 */
#pragma once
#include "base/idmap.h"
#include "view/view.h"

#define FILTER_SOURCES ((size_t)4 << 20)     /* verdicts remembered; of more sources each flow asks again */
#define FILTER_FLOWS   ((uint64_t)200000000) /* a scan looks at so many and no more: VIEW_TOO_LARGE */

#define FILTER_TIME                                                                                                    \
	{ .name = "from", .type = VIEW_TIME, .meaning = "start of the time asked for", .normal = "now-24h" },          \
	{                                                                                                              \
		.name = "to", .type = VIEW_TIME, .meaning = "its end, which does not belong to it", .normal = "now"    \
	}
#define FILTER_SENSOR                                                                                                  \
	{                                                                                                              \
		.name = "sensor", .type = VIEW_TEXT, .meaning = "only what this sensor saw (default: all)"             \
	}
#define FILTER_RESEARCH                                                                                                \
	{                                                                                                              \
		.name = "research", .type = VIEW_WORD, .words = "include|exclude", .normal = "include",                \
		.meaning = "acknowledged research scanners: counted, or left out"                                      \
	}

/* Rows of `struct view_param` that filter_init() reads. */
#define FILTER_PARAMS                                                                                                  \
	FILTER_TIME, FILTER_SENSOR, FILTER_RESEARCH,                                                                   \
		{ .name = "src", .type = VIEW_PREFIX, .meaning = "source: prefix or address" },                        \
		{ .name = "dst",                                                                                       \
			.type = VIEW_PREFIX,                                                                           \
			.meaning = "destination: prefix or address; for who may see dark addresses" },                 \
		{ .name = "sport", .type = VIEW_NUMBER, .meaning = "source port; of ICMP the type" },                  \
		{ .name = "dport", .type = VIEW_NUMBER, .meaning = "destination port; of ICMP the code" },             \
		{ .name = "proto", .type = VIEW_TEXT, .meaning = "tcp, udp, icmp (of both families) or a number" },    \
		{ .name = "class",                                                                                     \
			.type = VIEW_WORDS,                                                                            \
			.words = FILTER_CLASSES,                                                                       \
			.meaning = "classes of packets, by commas" },                                                  \
		{ .name = "country", .type = VIEW_TEXT, .meaning = "country of the source: two letters" },             \
		{ .name = "asn", .type = VIEW_NUMBER, .meaning = "autonomous system of the source" },                  \
	{                                                                                                              \
		.name = "mark", .type = VIEW_WORD, .words = "zmap|masscan|mirai|nmap",                                 \
		.meaning = "flows with a packet that has this tool's mark"                                             \
	}

#define FILTER_CLASSES "tcp_syn|tcp_syn_ack|tcp_ack|tcp_fin|tcp_rst|tcp_push|tcp_other|udp|icmp|other|short|frag"

struct filter {
	int64_t from_ns, to_ns; /* [from, to) */
	const char *sensor;	/* NULL: all */
	bool no_research;
	bool has_src, has_dst, has_asn;
	struct prefix src, dst;
	int sport, dport; /* -1: any */
	int proto;	  /* -1: any; PROTO_ICMP stands for ICMPv6 too */
	uint32_t classes; /* bits of enum packet_class; 0: any */
	uint16_t marks;	  /* FLOW_*, one of them; 0: any */
	char country[3];  /* empty: any */
	uint32_t asn;
	bool open; /* nothing but time and sensor is asked: all flows fit */

	struct knowing *know;
	struct idmap seen;
	uint8_t *verdicts; /* by number in `seen` */
	size_t verdicts_room;
	struct addr last; /* flows come by source: that of number last_n */
	uint32_t last_n;
	bool has_last;
	uint8_t unkept; /* of a source that `seen` has no room for */
	/* Left out for `no_research` among what fitted otherwise. */
	uint64_t out_packets, out_sources;
};

/* Reads the parameters. 0, or VIEW_BAD with the parameter's name, VIEW_REFUSED. filter_fini() in any case. */
int filter_init(struct filter *f, const struct view_call *c, struct err *err) NODISCARD;
void filter_fini(struct filter *f);

/* Does the flow fit (whatever its sensor and time)? Counts what is left out. */
bool filter_flow(struct filter *f, const struct flow *flow);

/* May a record of this source stand for flows that fit: prefix, place, research. */
bool filter_source(struct filter *f, const struct addr *a, int64_t ns);

/* The parts of it, for themselves: -1 when it is none. */
int filter_proto(const char *text);
int filter_classes(const char *words, uint32_t *out);
int filter_country(const char *text, char out[3]);

/* A scan over what fits. */
struct filter_scan {
	/* With a chunk of one block: the flows that fit. Other than 0 ends the scan with that value (not -1 .. -99). */
	int (*fn)(void *arg, const struct archive_header *block, const struct flow *flows, size_t n);
	/* Of an open filter, asked for blocks that fit as a whole: true counts the block and passes over it. NULL:
	 * none. */
	bool (*block)(void *arg, const struct archive_header *block);
	void *arg;
	uint64_t seen, flows, packets; /* results: looked at; that fit */
	uint64_t broken;	       /* blocks that can't be read */

	struct filter *filter;
	const struct view_call *call;
	int code;
};

/* 0, what fn returned, or an enum view_error. */
int filter_scan(struct filter_scan *s, struct filter *f, const struct view_call *c, struct err *err) NODISCARD;

/* "gaps": [..], the first 1000 of the time and sensor, and "gaps_n", how many there are. 0 or VIEW_FAILED. */
int filter_gaps(struct json *j, const struct filter *f, struct store *s, struct err *err) NODISCARD;

/* "left_out": {packets, sources} */
void filter_left_out(struct json *j, const struct filter *f);
