// SPDX-License-Identifier: Apache-2.0
/*
 * Events for open pages (server-sent events, WHATWG HTML 9.2). One text of each event for all clients; a ring of the
 * last ones, so that a page whose connection broke goes on where it was.
 *
 * Ids are EPOCH-SEQ; the epoch is new with each start of the role. Kept are LIVE_AGE_NS and LIVE_OCTETS; maps, which
 * nobody needs later, LIVE_MAP_NS. A client that missed an event that is no map gets `event: reset` in its place: it
 * asks the API anew.
 */
#pragma once
#include "base/bytes.h"
#include <stdint.h>

#define LIVE_SLOTS	8192
#define LIVE_OCTETS	((size_t)8 << 20)
#define LIVE_AGE_NS	INT64_C(600000000000)
#define LIVE_MAP_NS	INT64_C(10000000000)
#define LIVE_CLIENTS	256
#define LIVE_SENSORS	256	     /* that one client may see */
#define LIVE_EVENT	(256u << 10) /* octets of one */
#define LIVE_COMMENT_NS INT64_C(15000000000)

enum live_needs { LIVE_SEE_SUBSCRIBER = 1 }; /* rights, bits */

struct live; /* opaque; the caller locks */

/* What a client may see. */
struct live_view {
	char (*sensors)[64]; /* owned by the client once it is given */
	size_t n;
	bool all; /* sensors */
	unsigned rights;
};

struct live_client {
	struct live *live;
	struct live_view view;
	uint64_t next;		/* sequence it waits for */
	struct live_text *text; /* that it is being sent */
	size_t at;
	bool comment, over, reset, state;
	bool ended;	  /* "over" was said */
	int64_t heard_ns; /* something was sent */
	void (*wake)(void *arg);
	void *arg;
};

/* `epoch`: random. */
struct live *live_new(uint32_t epoch);
void live_free(struct live *l);

/*
 * Puts an event into the ring and wakes the clients. `sensor`: only for who may see it, NULL or "": for all; `needs`:
 * rights. `json` is one line. The event "map" has no sensor of its own: live_map().
 */
void live_event(struct live *l, const char *event, const char *sensor, unsigned needs, const char *json, size_t n);

/*
 * A map for clients that may see exactly the sensors of this set (bit i: names[i] of live_sensors()).
 * live_masks() tells which sets there are; a client with none of them gets no map.
 */
void live_sensors(struct live *l, const char *const *names, size_t n); /* at most 64; the daemon's own, in order */
size_t live_masks(const struct live *l, uint64_t *out, size_t most);
void live_map(struct live *l, uint64_t mask, const char *json, size_t n);

/* How the parts of the daemon are, one line of JSON: for who comes later, too. */
void live_state(struct live *l, const char *json);

/* A client begins; `last`: "EPOCH-SEQ" or "". False: too many. `view.sensors` (malloc) becomes the client's. */
bool live_join(struct live *l, struct live_client *c, struct live_view view, const char *last);
void live_leave(struct live_client *c);
void live_look(struct live_client *c, struct live_view view); /* its rights changed */

/* Octets for the client; 0: nothing now. After `over` was sent `*ended`. */
size_t live_take(struct live_client *c, void *out, size_t most, int64_t now_ns, bool *ended);

/* Old events go; clients that heard nothing for long get a comment. */
void live_tick(struct live *l, int64_t now_ns);
size_t live_count(const struct live *l);
extern int64_t (*live_now)(void); /* for tests */
