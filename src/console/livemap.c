// SPDX-License-Identifier: Apache-2.0
#include "console/livemap.h"

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "know/knowing.h"
#include <stdlib.h>
#include <string.h>

#define OTHER 6 /* of the nine classes */

struct spot {
	struct glimpse_point p;
	uint8_t ms;	     /* behind the start of its interval */
	bool located, known; /* was asked for; has a place */
	float lon, lat;
};

/* What a sensor saw in an interval. */
struct pool {
	uint64_t packets, by_class[CLASS_N];
	int64_t from_ns, to_ns;
	unsigned glimpses;
	struct spot spots[GLIMPSE_POINTS];
	uint32_t n;
};

struct livemap {
	struct knowing *knows;
	size_t n;
	char names[LIVEMAP_SENSORS][64];
	struct pool *filling, *shown; /* n each */
	struct random random;
	struct livemap_counts counts;
};

struct livemap *livemap_new(const struct livemap_params *p)
{
	ENSURE(p->n <= LIVEMAP_SENSORS);
	struct livemap *lm = mem_new(sizeof *lm);
	lm->knows = p->knows;
	lm->n = p->n;
	lm->filling = mem_new((p->n + 1) * sizeof *lm->filling);
	lm->shown = mem_new((p->n + 1) * sizeof *lm->shown);
	random_init(&lm->random, p->seed);
	for (size_t i = 0; i < p->n; i++)
		snprintf(lm->names[i], sizeof lm->names[i], "%s", p->sensors[i]);
	return lm;
}

void livemap_free(struct livemap *lm)
{
	if (!lm)
		return;
	free(lm->filling);
	free(lm->shown);
	free(lm);
}

/* ---- glimpses ---- */

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/* Where in the interval a packet stands: what spans more, as a replay does, is drawn together. */
static uint8_t offset_ms(const struct glimpse *g, int64_t ns)
{
	/* Of nanoseconds since 1970 a double keeps no more than 256. */
	double span = (double)((uint64_t)g->to_ns - (uint64_t)g->from_ns) / 1e6;
	double at = ns < g->from_ns ? 0 : (double)((uint64_t)ns - (uint64_t)g->from_ns) / 1e6;
	if (span > LIVEMAP_INTERVAL_MS)
		at *= LIVEMAP_INTERVAL_MS / span;
	return at >= LIVEMAP_INTERVAL_MS ? LIVEMAP_INTERVAL_MS - 1 : (uint8_t)at;
}

/* Takes one of `n` spots out, whichever. */
static struct spot pick(struct livemap *lm, struct spot *from, uint32_t *n)
{
	struct spot *at = &from[random_below(&lm->random, *n)], it = *at;
	*at = from[--*n];
	return it;
}

/* One reservoir out of two, by how many packets each stands for. */
static void pour(struct livemap *lm, struct pool *pool, uint64_t packets, struct spot *more, uint32_t more_n)
{
	struct spot had[GLIMPSE_POINTS];
	uint32_t had_n = pool->n;
	uint64_t left = pool->packets, right = packets;
	memcpy(had, pool->spots, had_n * sizeof *had);
	pool->n = 0;
	while (pool->n < GLIMPSE_POINTS && (had_n || more_n)) {
		bool first = !more_n || (had_n && random_below(&lm->random, plus(left, right)) < left);
		pool->spots[pool->n++] = first ? pick(lm, had, &had_n) : pick(lm, more, &more_n);
		if (first)
			left -= left > 0;
		else
			right -= right > 0;
	}
}

int livemap_add(struct livemap *lm, unsigned sensor, const struct glimpse *g)
{
	struct spot more[GLIMPSE_POINTS];
	uint64_t packets = 0;
	if (sensor >= lm->n || g->n > GLIMPSE_POINTS || strcmp(g->sensor, lm->names[sensor]) != 0) {
		lm->counts.refused++;
		return -1;
	}
	struct pool *pool = &lm->filling[sensor];
	if (pool->glimpses == LIVEMAP_GLIMPSES) {
		lm->counts.dropped++;
		return 0;
	}
	lm->counts.glimpses++;
	pool->from_ns = pool->glimpses && pool->from_ns < g->from_ns ? pool->from_ns : g->from_ns;
	pool->to_ns = pool->glimpses && pool->to_ns > g->to_ns ? pool->to_ns : g->to_ns;
	pool->glimpses++;
	for (uint32_t i = 0; i < g->n; i++)
		more[i] = (struct spot){ .p = g->points[i], .ms = offset_ms(g, g->points[i].ns) };
	for (int k = 0; k < CLASS_N; k++) {
		pool->by_class[k] = plus(pool->by_class[k], g->by_class[k]);
		packets = plus(packets, g->by_class[k]);
	}
	pour(lm, pool, packets, more, g->n);
	pool->packets = plus(pool->packets, packets);
	return 0;
}

int livemap_message(struct livemap *lm, unsigned sensor, const struct message *m)
{
	struct glimpse g;
	if (m->kind != MESSAGE_GLIMPSE || glimpse_parse(m->body, &g) < 0) {
		lm->counts.refused++;
		return -1;
	}
	return livemap_add(lm, sensor, &g);
}

uint64_t livemap_turn(struct livemap *lm)
{
	uint64_t bits = 0;
	struct pool *p = lm->shown;
	lm->shown = lm->filling;
	lm->filling = p;
	for (size_t i = 0; i < lm->n; i++) {
		memset(&lm->filling[i], 0, offsetof(struct pool, spots));
		lm->filling[i].n = 0;
		if (lm->shown[i].packets)
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

/* ---- events ---- */

static void locate(struct livemap *lm, struct spot *s)
{
	double latitude = 0, longitude = 0;
	if (s->located)
		return;
	s->located = true;
	s->known = lm->knows && knowing_point(lm->knows, &s->p.src, &latitude, &longitude);
	s->lon = (float)longitude;
	s->lat = (float)latitude;
}

/* How many each shows: those that have little show all of it, the rest share what is left evenly. */
static void share(const struct livemap *lm, uint64_t sensors, uint32_t out[LIVEMAP_SENSORS])
{
	uint32_t left = LIVEMAP_ARCS;
	bool any = true;
	memset(out, 0, LIVEMAP_SENSORS * sizeof *out);
	while (left && any) {
		any = false;
		for (size_t i = 0; i < lm->n && left; i++)
			if (sensors >> i & 1 && out[i] < lm->shown[i].n) {
				out[i]++;
				left--;
				any = true;
			}
	}
}

static void write_degrees(struct json *j, bool known, float v)
{
	char text[16];
	if (!known) {
		json_null(j, NULL);
		return;
	}
	snprintf(text, sizeof text, "%.1f", (double)v);
	json_digits(j, NULL, text);
}

static void write_arc(struct livemap *lm, struct json *j, struct spot *s, uint64_t sensor)
{
	char addr[ADDR_TEXT_MAX];
	locate(lm, s);
	json_array(j, NULL);
	write_degrees(j, s->known, s->lon);
	write_degrees(j, s->known, s->lat);
	json_u64(j, NULL, s->p.cls <= CLASS_ICMP ? s->p.cls : OTHER);
	json_u64(j, NULL, s->p.dport);
	json_u64(j, NULL, s->p.proto);
	json_str(j, NULL, addr_text(addr, &s->p.src));
	json_u64(j, NULL, sensor);
	json_u64(j, NULL, s->ms);
	json_end(j, ']');
	lm->counts.arcs++;
}

/* A pool is in no order: its first ones are as good as any. */
static void write_arcs(struct livemap *lm, struct json *j, uint64_t sensors)
{
	uint32_t shares[LIVEMAP_SENSORS];
	uint64_t index = 0;
	share(lm, sensors, shares);
	json_array(j, "arcs");
	for (size_t i = 0; i < lm->n; i++) {
		for (uint32_t k = 0; k < shares[i]; k++)
			write_arc(lm, j, &lm->shown[i].spots[k], index);
		index += sensors >> i & 1;
	}
	json_end(j, ']');
}

/* Of several clocks (a replay beside an interface) the latest counts, and the longest stretch. */
static struct pool sum_up(const struct livemap *lm, uint64_t sensors)
{
	struct pool sum = { 0 };
	uint64_t span = 0;
	for (size_t i = 0; i < lm->n; i++) {
		const struct pool *p = &lm->shown[i];
		if (!(sensors >> i & 1) || !p->packets)
			continue;
		uint64_t s = (uint64_t)p->to_ns - (uint64_t)p->from_ns;
		span = s > span ? s : span;
		sum.to_ns = !sum.packets || p->to_ns > sum.to_ns ? p->to_ns : sum.to_ns;
		sum.packets = plus(sum.packets, p->packets);
		for (int k = 0; k < CLASS_N; k++)
			sum.by_class[k] = plus(sum.by_class[k], p->by_class[k]);
	}
	/* A sender may say any time. */
	uint64_t most = (uint64_t)sum.to_ns - (uint64_t)INT64_MIN;
	sum.from_ns = (int64_t)((uint64_t)sum.to_ns - (span < most ? span : most));
	return sum;
}

bool livemap_event(struct livemap *lm, uint64_t sensors, struct message_buf *json)
{
	char *text = NULL;
	size_t n = 0;
	struct json j;
	struct pool sum = sum_up(lm, sensors);
	if (!sum.packets)
		return false;
	FILE *out = open_memstream(&text, &n);
	ENSURE(out);
	json_init(&j, out);
	json_object(&j, NULL);
	json_i64(&j, "from_ns", sum.from_ns);
	json_i64(&j, "to_ns", sum.to_ns);
	json_array(&j, "sensors");
	for (size_t i = 0; i < lm->n; i++)
		if (sensors >> i & 1)
			json_str(&j, NULL, lm->names[i]);
	json_end(&j, ']');
	json_u64(&j, "packets", sum.packets);
	json_object(&j, "classes");
	for (int k = 0; k < CLASS_N; k++)
		if (sum.by_class[k])
			json_u64(&j, packet_class_name((enum packet_class)k), sum.by_class[k]);
	json_end(&j, '}');
	write_arcs(lm, &j, sensors);
	json_end(&j, '}');
	fclose(out);
	message_octets(json, text, n);
	free(text);
	return true;
}

struct livemap_counts livemap_counts(const struct livemap *lm)
{
	return lm->counts;
}
