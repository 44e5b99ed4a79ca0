// SPDX-License-Identifier: Apache-2.0
#include "role/upkeep.h"

#include "base/mem.h"
#include "store/packetpin.h"
#include "store/retain.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIM_MS	  30000
#define RETAIN_MS 10000
#define MORE_MS	  50   /* between steps while there is more */
#define WAITING	  1024 /* findings whose packets are to be pinned */
#define KNOWN	  8192 /* findings whose packets were pinned lately */
#define GROWN	  2    /* pinned again when there are so many times more packets */
/* Ring files of one sensor: so many at once, then one in a while; a file that was filled is followed at any time. */
#define RING_BURST    128
#define RING_AGAIN_NS INT64_C(5000000000)
#define RING_FILLED   ((off_t)8 << 20)
#define RING_WORKERS  64

struct known {
	char id[33];
	uint64_t packets;
};

/* What a sensor may still ask for. It outlives its role: one that dies and comes again gets no more for that. */
struct ring_right {
	unsigned taken; /* of the burst */
	int64_t since_ns;
	char last[RING_WORKERS][PACKETRING_NAME];
};

struct upkeep {
	struct keeper *k;
	struct ring_right rights[CONFIG_SENSORS_MAX];
	int packets; /* STORE/packets, -1: none */
	struct feeder *query;
	struct finding *waiting;
	size_t first, n;
	struct known known[KNOWN];
	int fd; /* of the file that is being filled, -1: none */
	char filling[33];
	bool told_retention, told_trim;
};

static bool quiet(bool *told)
{
	bool before = *told;
	*told = true;
	return before;
}

/* ---- packet ring ---- */

/* A replay's files go by the time of its packets: as many as it has. */
static bool may_have(struct keeper *k, struct feeder *f, uint32_t worker)
{
	struct ring_right *r = &k->upkeep->rights[f->index];
	int64_t now = loop_now_ns(), steps = (now - r->since_ns) / RING_AGAIN_NS;
	/* Whoever doesn't take his answers would have the keeper hold a descriptor for each. */
	if (channel_queued(f->channel))
		return false;
	if (k->m->options.replay)
		return true;
	if (r->last[worker][0] && packetring_size(k->upkeep->packets, f->hello.sensor, r->last[worker]) >= RING_FILLED)
		return true;
	if (steps > 0) {
		r->taken = r->taken > (uint64_t)steps ? r->taken - (unsigned)steps : 0;
		r->since_ns = now;
	}
	if (r->taken == RING_BURST)
		return false;
	r->taken++;
	return true;
}

void upkeep_ring(struct keeper *k, struct feeder *f, const struct message *m)
{
	struct upkeep *u = k->upkeep;
	struct message_reader in = { .in = m->body };
	struct err err = { "" };
	uint32_t worker = message_get_u32(&in);
	int64_t ns = (int64_t)message_get_u64(&in);
	if (!message_whole(&in) || worker >= RING_WORKERS || f->index >= CONFIG_SENSORS_MAX || u->packets < 0 ||
		!f->greeted)
		return;
	if (!may_have(k, f, worker)) {
		counters_add(COUNTER_REFUSED, 1);
		return;
	}
	struct packetring_next next = { .sensor = f->hello.sensor, .worker = worker, .now_ns = ns };
	int fd = packetring_open_next(u->packets, &next, &err);
	if (fd < 0) {
		member_say(k->m, "packet ring: %s", err.text);
		return;
	}
	memcpy(u->rights[f->index].last[worker], next.name, sizeof next.name);
	struct message_buf b = { 0 };
	message_u32(&b, worker);
	channel_send_fd(f->channel, &(struct message){ .kind = MESSAGE_RING_FILE, .body = { b.p, b.n } }, fd);
	free(b.p);
	close(fd);
}

static void trim(void *arg)
{
	struct keeper *k = arg;
	const struct config *c = k->m->config;
	struct packetring_limits limits = { c->packets.age_ns, c->packets.size };
	struct packetring_report r;
	struct err err = { "" };
	uint64_t free_now = counters_get(counters, COUNTER_DISK_FREE), reserve = c->store.reserve;
	uint64_t holds = counters_get(counters, COUNTER_RING_BYTES);
	/* Packets are the least of what is kept: they make room first. */
	if (free_now < reserve && holds) {
		uint64_t wanted = reserve - free_now, left = holds > wanted ? holds - wanted : 1;
		if (!limits.max_bytes || left < limits.max_bytes)
			limits.max_bytes = left;
	}
	if (packetring_trim(k->upkeep->packets, &limits, loop_clock_ns(), &r, &err) < 0) {
		if (!quiet(&k->upkeep->told_trim))
			member_say(k->m, "packet ring: %s", err.text);
		return;
	}
	counters_set(COUNTER_RING_BYTES, r.bytes + r.pinned_bytes);
}

/* ---- packets that stay ---- */

static struct known *known_of(struct upkeep *u, const char *id)
{
	uint64_t h = 0;
	for (const char *c = id; *c; c++)
		h = h * 31 + (uint8_t)*c;
	return &u->known[h % KNOWN];
}

/* Whoever acts on it will be asked for it. */
static bool worth(const struct finding *f)
{
	bool own = f->kind == FINDING_OWN_SUSPECT || f->kind == FINDING_OWN_WATCH || f->kind == FINDING_OWN_ATTACKED;
	return own || (f->severity && (strcmp(f->severity, "high") == 0 || strcmp(f->severity, "medium") == 0));
}

static void fill_next(struct upkeep *u)
{
	struct err err = { "" };
	while (u->n && u->query && u->fd < 0) {
		const struct finding *f = &u->waiting[u->first];
		u->fd = packetpin_begin(u->packets, f->id, &err);
		if (u->fd >= 0) {
			struct message_buf b = { 0 };
			snprintf(u->filling, sizeof u->filling, "%s", f->id);
			message_finding(&b, f);
			channel_send_fd(u->query->channel,
				&(struct message){ .kind = MESSAGE_RING_PIN, .body = { b.p, b.n } }, u->fd);
			free(b.p);
		} else {
			member_say(u->k->m, "packets of %s are not pinned: %s", f->id, err.text);
		}
		u->first = (u->first + 1) % WAITING;
		u->n--;
	}
}

void upkeep_finding(struct keeper *k, const struct finding *f)
{
	struct upkeep *u = k->upkeep;
	struct known *known = known_of(u, f->id);
	if (u->packets < 0 || !k->m->config->packets.keep || !worth(f))
		return;
	bool before = strcmp(known->id, f->id) == 0;
	if (before && (f->packets < known->packets * GROWN || known->packets > PACKETRING_PACKETS))
		return;
	if (u->n == WAITING) {
		counters_add(COUNTER_PINS_LOST, 1);
		return;
	}
	snprintf(known->id, sizeof known->id, "%s", f->id);
	known->packets = f->packets;
	u->waiting[(u->first + u->n++) % WAITING] = *f;
	fill_next(u);
}

void upkeep_filled(struct keeper *k, const struct message *m)
{
	struct upkeep *u = k->upkeep;
	struct err err = { "" };
	if (u->fd < 0)
		return;
	if (packetpin_end(u->packets, u->filling, u->fd, m->count > 0, &err) < 0)
		member_say(k->m, "packets of %s are not pinned: %s", u->filling, err.text);
	else if (m->count)
		counters_add(COUNTER_PINS, 1);
	u->fd = -1;
	fill_next(u);
}

void upkeep_peer(struct keeper *k, struct feeder *f)
{
	struct upkeep *u = k->upkeep;
	u->query = f;
	/* The file that was being filled has nobody any more. */
	if (u->fd >= 0 && packetpin_end(u->packets, u->filling, u->fd, false, NULL) < 0)
		member_say(k->m, "packets of %s are not pinned", u->filling);
	u->fd = -1;
	fill_next(u);
}

/* ---- retention ---- */

static struct retain_params retention(const struct config *c)
{
	struct retain_params p = { .archive_max = c->store.retention.size };
	p.age_ns[RETAIN_FLOWS] = c->store.retention.flows_ns;
	p.age_ns[RETAIN_SOURCES] = c->store.retention.sources_ns;
	p.age_ns[RETAIN_SOURCE_DAYS] = c->store.retention.sources_ns;
	p.age_ns[RETAIN_SIGNALS] = c->store.retention.signals_ns;
	p.age_ns[RETAIN_FINDINGS] = c->store.retention.findings_ns;
	p.age_ns[RETAIN_GAPS] = c->store.retention.gaps_ns;
	p.age_ns[RETAIN_ROLLUP_HOURS] = c->store.retention.rollups_ns;
	p.age_ns[RETAIN_ROLLUP_DAYS] = c->store.retention.rollups_ns;
	p.age_ns[RETAIN_CLOCKS] = c->store.retention.gaps_ns;
	p.age_ns[RETAIN_SENT] = c->store.retention.signals_ns;
	return p;
}

/* A replay's records are as old as its file: they are not thrown away under the eyes of who replays. */
static void retain(void *arg)
{
	struct keeper *k = arg;
	struct retain_params p = retention(k->m->config);
	struct retain_report r;
	struct err err = { "" };
	int next_ms = RETAIN_MS;
	uint64_t held = 0;
	if (store_retain(k->store, &p, loop_clock_ns(), &r, &err) < 0) {
		if (!quiet(&k->upkeep->told_retention))
			member_say(k->m, "retention: %s", err.text);
	} else {
		k->upkeep->told_retention = false;
		for (int i = 0; i < RETAIN_KIND_N; i++) {
			counters_add(COUNTER_RETIRED, r.dropped[i]);
			held += r.held[i];
		}
		counters_set(COUNTER_HELD, held);
		next_ms = r.more ? MORE_MS : RETAIN_MS;
	}
	loop_after(k->m->loop, next_ms, retain, k);
}

int upkeep_open(struct keeper *k, struct err *err)
{
	struct upkeep *u = mem_new(sizeof *u);
	u->k = k;
	u->fd = -1;
	u->waiting = mem_map(WAITING * sizeof *u->waiting);
	k->upkeep = u;
	u->packets = k->m->config->packets.keep ? packetring_dir(member_store(k->m), true, err) : -1;
	if (k->m->config->packets.keep && u->packets < 0)
		return -1;
	if (u->packets >= 0)
		loop_timer(k->m->loop, TRIM_MS, trim, k);
	if (!k->m->options.replay)
		loop_after(k->m->loop, RETAIN_MS, retain, k);
	return 0;
}

void upkeep_close(struct keeper *k)
{
	struct upkeep *u = k->upkeep;
	if (!u)
		return;
	if (u->fd >= 0)
		close(u->fd);
	if (u->packets >= 0)
		close(u->packets);
	mem_unmap(u->waiting, WAITING * sizeof *u->waiting);
	free(u);
	k->upkeep = NULL;
}
