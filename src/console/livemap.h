// SPDX-License-Identifier: Apache-2.0
/*
 * The live map: glimpses of all sensors become one event of a quarter of a second. Counts are whole; at most
 * LIVEMAP_ARCS packets are shown in person, as fairly shared among the sensors as their packets allow, each packet of a
 * sensor as likely as any other of it. Sources get their place on earth; destinations never leave this file.
 *
 * Whoever sends glimpses may have been taken over: it speaks of its own sensor alone, within limits, and what it says
 * more often than LIVEMAP_GLIMPSES times an interval is dropped and counted.
 */
#pragma once
#include "model/glimpse.h"

#define LIVEMAP_SENSORS	    64
#define LIVEMAP_ARCS	    125
#define LIVEMAP_INTERVAL_MS 250
#define LIVEMAP_GLIMPSES    8

struct livemap; /* opaque; one thread */
struct knowing;

struct livemap_params {
	const char *const *sensors; /* names by index, as they stand in the configuration; copied */
	size_t n;		    /* at most LIVEMAP_SENSORS */
	struct knowing *knows;	    /* geography; NULL: no place is known. Lives as long */
	uint64_t seed;
};

struct livemap *livemap_new(const struct livemap_params *p);
void livemap_free(struct livemap *lm);

/*
 * A message of the capture role of sensor number `sensor`. Returns 0, or -1 when it is no glimpse of this sensor: then
 * channel_refused() and the end of the channel are right.
 */
int livemap_message(struct livemap *lm, unsigned sensor, const struct message *m);
int livemap_add(struct livemap *lm, unsigned sensor, const struct glimpse *g);

/*
 * Ends the interval: what came since the last turn is what livemap_event() tells until the next. Call it each
 * LIVEMAP_INTERVAL_MS. Returns the sensors that saw something, bit by bit; 0: there is nothing to tell.
 */
uint64_t livemap_turn(struct livemap *lm);

/*
 * The data of `event: map` for who may see these sensors (1 << index), appended to `json`: an object without line
 * ends. False, and nothing is appended: none of them saw anything. May be called for several sets.
 */
bool livemap_event(struct livemap *lm, uint64_t sensors, struct message_buf *json);

struct livemap_counts {
	uint64_t glimpses, refused, dropped, arcs;
};
struct livemap_counts livemap_counts(const struct livemap *lm);
