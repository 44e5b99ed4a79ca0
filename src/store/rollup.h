// SPDX-License-Identifier: Apache-2.0
/*
 * Roll-ups: packets and unique sources by hour, for each class, port, country, autonomous system, tool and for all. A
 * batch brings its sums, the store adds them to the hour and the day. Unique sources add up over batches through a
 * sketch of the 1,024 smallest hashes of source addresses (Bar-Yossef et al. 2002, "k minimum values"): exact below
 * 1,024 sources, standard error 3 % above.
 */
#pragma once
#include "model/flow.h"

enum rollup_dim { ROLLUP_CLASS, ROLLUP_PORT, ROLLUP_COUNTRY, ROLLUP_AS, ROLLUP_TOOL, ROLLUP_ALL, ROLLUP_DIM_N };
enum rollup_span { ROLLUP_HOUR, ROLLUP_DAY, ROLLUP_SPAN_N };

#define ROLLUP_KEY_MAX	48
#define ROLLUP_REST	"rest" /* the key of all that had no room */
#define ROLLUP_ROWS_MAX 32768u /* keys of one batch; further ones go to the rest */
#define ROLLUP_TOP	1000u  /* keys kept of a finished hour or day, by packets; the rest is summed */
/* Keys that a batch brings for each hour and kind; what is left goes to the rest. */
#define ROLLUP_BATCH  1000u
#define ROLLUP_SKETCH 1024u

const char *rollup_dim_name(enum rollup_dim d);

/* Hashes of sources. After rollup_sketch_tidy() the `n` (<= ROLLUP_SKETCH) smallest, ascending, without repetition. */
struct rollup_sketch {
	uint64_t *v;
	uint32_t n, cap;
	uint64_t limit; /* hashes at or above it can't get in; 0: none known */
};
void rollup_sketch_add(struct rollup_sketch *s, uint64_t hash);
void rollup_sketch_tidy(struct rollup_sketch *s);
void rollup_sketch_merge(struct rollup_sketch *into, const struct rollup_sketch *from); /* both tidy */
uint64_t rollup_sketch_count(const struct rollup_sketch *s);				/* of a tidy one */
void rollup_sketch_free(struct rollup_sketch *s);

struct rollup_row {
	int64_t hour; /* since 1970 */
	enum rollup_dim dim;
	char key[ROLLUP_KEY_MAX];
	uint64_t id;
	uint64_t packets;
	struct rollup_sketch sources;
};

struct rollup; /* opaque; one thread */
struct rollup *rollup_new(void);
void rollup_free(struct rollup *r);
void rollup_clear(struct rollup *r);

/* Adds packets of a source under a key: country code, "64500", tool name. Keys longer than ROLLUP_KEY_MAX - 1 are cut.
 */
void rollup_add(struct rollup *r, int64_t hour, enum rollup_dim dim, const char *key, const struct addr *source,
	uint64_t packets);

/* Adds flows of one hour to the classes ("tcp_syn"), ports ("tcp/23", "udp/53"; other protocols have none) and to the
 * one key of ROLLUP_ALL ("all"), which tells how many sources there are. */
void rollup_add_flows(struct rollup *r, int64_t hour, const struct flow *flows, size_t n);

/* Adds what another roll-up said of a key: packets, and the hashes of its sources (any order). */
void rollup_add_row(struct rollup *r, const struct rollup_row *row);

/*
 * The rows, tidy, at most ROLLUP_BATCH and the rest for each hour and kind: those with most packets. Folds them in
 * place: add nothing afterwards without rollup_clear().
 */
struct rollup_row *rollup_rows(struct rollup *r, size_t *n);

/* Packets that found no room because a batch had more hours than rows: a sum that is missing nowhere else. */
uint64_t rollup_lost(const struct rollup *r);
