// SPDX-License-Identifier: Apache-2.0
/*
 * The packet ring: packets that went to dark prefixes, in STORE/packets/SENSOR/YYYYMMDDTHHMMSS-W.pcap (0640; W is the
 * capture's worker, ".N" behind it when there are several of one second). The keeper makes the files and hands
 * them, open for appending only, to the capture (packetwrite.h); it deletes the oldest by age and bytes. Packets of a
 * finding are copied (packetpin.h) to packets/pinned/FINDING.pcap before they roll away: pinned files are never
 * trimmed.
 *
 * The name of a file tells from when its packets are, its time of change until when: a look-up reads only the files
 * of its time. A file that a killed writer left may end within a record: reading stops there and counts it.
 *
 * Functions return 0 or a negative errno with a reason in `err`. Packets are bytes from outside: readers parse them
 * with the bounded readers of wire/.
 */
#pragma once
#include "model/match.h"

#define PACKETRING_FILES_MAX 65536		/* of a ring; more: the oldest are not seen */
#define PACKETRING_SLACK_NS  120000000000	/* a file's times are trusted to this */
#define PACKETRING_PACKETS   10000		/* pinned of a finding */
#define PACKETRING_BYTES     ((size_t)16 << 20) /* and their octets */

/* Opens STORE/packets, made (0750) when `make`. Returns a descriptor for the functions below. */
int packetring_dir(const char *store, bool make, struct err *err) NODISCARD;

/* A new file for a sensor's worker, open for appending only. Returns the descriptor. */
#define PACKETRING_NAME 48
struct packetring_next {
	const char *sensor;
	unsigned worker;
	int64_t now_ns;
	char name[PACKETRING_NAME]; /* out */
};
int packetring_open_next(int dir, struct packetring_next *next, struct err *err) NODISCARD;

/* Octets of one of them; -1: it is gone. */
int64_t packetring_size(int dir, const char *sensor, const char *name);

struct packetring_limits {
	int64_t age_ns;	    /* 0: no limit */
	uint64_t max_bytes; /* of all unpinned files; 0: no limit */
};

struct packetring_report {
	uint64_t files, bytes;		     /* that stay, without pinned */
	uint64_t dropped_old, dropped_bytes; /* files deleted for their age; for the limit of bytes */
	uint64_t freed;			     /* octets */
	uint64_t pinned, pinned_bytes;
	uint64_t failed; /* files that could not be deleted */
};

/* Deletes the oldest until the limits hold; the newest file of each worker stays, it may be being written. */
int packetring_trim(int dir, const struct packetring_limits *limits, int64_t now_ns, struct packetring_report *report,
	struct err *err) NODISCARD;

/* Packets asked for. */
struct packetring_query {
	const char *sensor;	      /* NULL: any */
	int64_t from_ns, to_ns;	      /* both included */
	const struct addr *src, *dst; /* NULL: any */
	int sport, dport, proto;      /* -1: any */
	const struct match *match;    /* also: those of a finding; NULL: all */
	size_t max_packets, max_bytes;
	/* More that a packet and a file's sensor must pass; NULL: all do. */
	bool (*keep)(void *arg, const struct packet *p, int64_t ns);
	bool (*sees)(void *arg, const char *sensor);
	void *arg;
};

struct packetring_found {
	uint64_t packets, bytes, files;
	uint64_t cut;	     /* files that end within a record or are damaged */
	uint64_t other_link; /* packets of another link type than the first: a pcap file has one */
	bool limited;	     /* there may be more */
	int linktype;	     /* -1: no packet */
};

/*
 * The packets, oldest first, as a pcap file to `out` (nothing is written when there are none). `pinned`: name of a
 * finding whose pinned packets are looked at too, NULL: none.
 */
int packetring_find(int dir, const struct packetring_query *q, const char *pinned, int out,
	struct packetring_found *found, struct err *err) NODISCARD;

/* The pinned packets of a finding, a pcap file, for reading: its descriptor; -ENOENT when there are none. */
int packetring_open_pinned(int dir, const char *finding, struct err *err) NODISCARD;

/*
 * The packets, oldest first, to `fn`; other than 0 ends it with that value. All or none: -EFBIG when there are more
 * than the query allows.
 */
struct capfile_record;
int packetring_each(int dir, const struct packetring_query *q, int (*fn)(void *arg, const struct capfile_record *),
	struct packetring_found *found, struct err *err) NODISCARD;
