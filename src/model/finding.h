// SPDX-License-Identifier: Apache-2.0
/* The finding noun: a conclusion about a subject, with the counts and samples that led to it. */
#pragma once
#include "base/json.h"
#include "model/flow.h"
#include "model/location.h"

#define FINDING_SAMPLES	  3
#define FINDING_PORT_LIST 1024
#define FINDING_TOP	  16
#define FINDING_COUNTS	  16
#define FINDING_HEAD	  96

enum finding_kind {
	FINDING_SCAN,
	FINDING_SCAN_TYPE,
	FINDING_BACKSCATTER,
	FINDING_AMPLIFICATION,
	FINDING_ICMP_QUOTE,
	FINDING_PORT_NEW,
	FINDING_PORT_SURGE,
	FINDING_OWN_WATCH,
	FINDING_OWN_SUSPECT,
	FINDING_OWN_ATTACKED,
	FINDING_KIND_N
};
const char *finding_kind_name(enum finding_kind k);

enum finding_shape { SHAPE_NONE, SHAPE_HORIZONTAL, SHAPE_VERTICAL, SHAPE_BLOCK };

/* A packet as evidence. `head` are the first captured bytes from the IP header on; head_len 0 when they weren't kept.
 */
struct finding_sample {
	int64_t ns;
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
	uint8_t head_len;
	uint8_t head[FINDING_HEAD];
};

/* A number by a small key: packets by TCP flags, by port, or by name. */
struct finding_count {
	char name[32];
	uint64_t n;
};

struct finding {
	char id[33]; /* hex of a 128-bit hash of (kind, subject, sensor, first) */
	enum finding_kind kind;
	char subject[128]; /* address, or "SRC SPORT>DPORT" for scan-type, or "PROTO/PORT" for ports */
	char sensor[64];
	const char *tool; /* static text: zmap, masscan, mirai, telnet-bot, nmap, constant-key, none; NULL where it has
			     no meaning */
	enum finding_shape shape;
	uint64_t packets, targets, ports, destinations, sources;
	bool has_targets, has_ports, has_destinations, has_sources; /* otherwise null */
	uint16_t port_list[FINDING_PORT_LIST];			    /* ascending, the lowest 1,024 */
	uint32_t port_list_n;
	struct finding_count top_ports[FINDING_TOP]; /* name is the port in decimal; by packets, then first seen */
	uint32_t top_ports_n;
	struct finding_count by_flags[64]; /* name "0x12"; by flags ascending */
	uint32_t by_flags_n;
	int64_t first_ns, last_ns;
	uint8_t confidence;   /* 0..100; meaning published in docs/findings.md */
	const char *severity; /* static text: info, low, medium, high */
	bool spoofable;
	struct finding_sample samples[FINDING_SAMPLES];
	uint32_t samples_n;
	struct finding_count counts[FINDING_COUNTS]; /* what led to the conclusion, by name */
	uint32_t counts_n;
	struct location place; /* of the subject's address; in JSON country, asn, as_name, place{city, latitude,
				  longitude} or null */
	char detail[256];      /* one more word: "NULL scan", "udp protocol dns", owner; empty: null */
};

/* The static text of a tool or severity, NULL when there is no such word. */
const char *finding_word(const char *word);

/* Fills `id` from kind, subject, sensor, first_ns. */
void finding_identify(struct finding *f);

/* Adds a named number; silently full after FINDING_COUNTS (a bug in tests). */
void finding_add_count(struct finding *f, const char *name, uint64_t n);

/* One object with every field of the kind, null where it has no meaning. `key` as in json.h. */
void finding_json(struct json *j, const char *key, const struct finding *f);

/* The fields alone, inside an object that the caller has begun. */
void finding_json_fields(struct json *j, const struct finding *f);

/* One sample as an object inside an array. */
void finding_sample_json(struct json *j, const struct finding_sample *s);
