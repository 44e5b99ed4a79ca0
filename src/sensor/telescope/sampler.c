// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/sampler.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "sensor/telescope/capture.h"
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING 0xff /* in place of a class: the record was no IP packet */
#define FAR	1e18 /* records that are skipped at most */

/* What a worker saw since it was asked last. */
struct share {
	uint64_t records, by_class[CLASS_N];
	int64_t from_ns, to_ns; /* of records that have a time; to_ns 0: none had */
	struct glimpse_point points[GLIMPSE_POINTS];
	uint32_t n;
};

struct sampler_worker {
	struct share *filling, *aside;
	uint64_t seen;	       /* number it was asked by */
	_Atomic uint64_t done; /* number by which `aside` is the caller's, until the next */
	uint64_t before[CLASS_N];
	struct random random;
	double w;      /* of Li's algorithm L */
	uint64_t next; /* record that is drawn next */
};

struct sampler {
	struct sampler_params p;
	char sensor[64];
	_Atomic uint64_t want; /* 0: nobody looks */
	uint64_t number;
	bool asked;	 /* by it, for their shares */
	int64_t next_ns; /* when they are asked next; 0: not known yet */
	struct random random;
	struct sampler_worker workers[CAPTURE_WORKERS_MAX];
};

struct sampler *sampler_new(const struct sampler_params *p)
{
	ENSURE(p->workers >= 1 && p->workers <= CAPTURE_WORKERS_MAX && p->interval_ns > 0);
	struct sampler *s = mem_new(sizeof *s);
	s->p = *p;
	snprintf(s->sensor, sizeof s->sensor, "%s", p->sensor);
	random_init(&s->random, p->seed);
	for (unsigned i = 0; i < p->workers; i++) {
		struct sampler_worker *w = &s->workers[i];
		w->filling = mem_new(sizeof *w->filling);
		w->aside = mem_new(sizeof *w->aside);
		random_init(&w->random, random_mix(p->seed + i + 1));
	}
	return s;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->p.workers; i++) {
		free(s->workers[i].filling);
		free(s->workers[i].aside);
	}
	free(s);
}

void sampler_watch(struct sampler *s, bool on)
{
	bool was = atomic_load(&s->want);
	if (on == was)
		return;
	s->next_ns = 0;
	s->asked = false;
	atomic_store_explicit(&s->want, on ? ++s->number : 0, memory_order_release);
}

/* ---- worker threads ---- */

static void empty(struct share *s)
{
	memset(s, 0, offsetof(struct share, points));
	s->n = 0;
}

/* The reservoir is full: which is the next to be drawn behind the one that was. */
static void skip(struct sampler_worker *w)
{
	double u = 1 - random_unit(&w->random), v = 1 - random_unit(&w->random);
	w->w *= exp(log(u) / GLIMPSE_POINTS);
	double gap = floor(log(v) / log1p(-w->w));
	w->next += gap < FAR ? (uint64_t)gap + 1 : (uint64_t)FAR;
}

static void draw(const struct sampler *s, struct sampler_worker *w, const struct capfile_record *r)
{
	struct share *f = w->filling;
	struct packet p, inner;
	uint32_t slot = f->n < GLIMPSE_POINTS ? f->n++ : (uint32_t)random_below(&w->random, GLIMPSE_POINTS);
	struct glimpse_point *to = &f->points[slot];
	packet_decode(r->linktype, r->data, &p);
	if (s->p.unwrap && packet_unwrap(&p, s->p.unwrap, &inner) && inner.layer <= LAYER_IP6)
		p = inner;
	*to = (struct glimpse_point){ .ns = r->has_time ? r->time_ns : 0,
		.sport = p.sport,
		.dport = p.dport,
		.proto = p.proto,
		.cls = p.layer <= LAYER_IP6 ? p.cls : NOTHING };
	if (p.layer == LAYER_IP4) {
		to->src = addr_from4(p.src4);
		to->dst = addr_from4(p.dst4);
	} else if (p.layer == LAYER_IP6) {
		to->src = addr_from_packet6(p.src6);
		to->dst = addr_from_packet6(p.dst6);
	}
	if (f->n < GLIMPSE_POINTS)
		w->next++;
	else
		skip(w);
}

static void take_time(struct share *f, const struct capfile_record *r)
{
	if (!r->has_time || r->time_ns == INT64_MAX)
		return;
	if (!f->to_ns || r->time_ns < f->from_ns)
		f->from_ns = r->time_ns;
	if (!f->to_ns || r->time_ns >= f->to_ns)
		f->to_ns = r->time_ns + 1;
}

static void begin(struct sampler_worker *w, const struct telescope_counts *c)
{
	empty(w->filling);
	memcpy(w->before, c->classes, sizeof w->before);
	w->w = 1;
	w->next = 0;
}

static void set_aside(struct sampler_worker *w, uint64_t want, const struct telescope_counts *c)
{
	struct share *f = w->filling;
	for (int k = 0; k < CLASS_N; k++)
		f->by_class[k] = c->classes[k] - w->before[k];
	w->filling = w->aside;
	w->aside = f;
	begin(w, c);
	w->seen = want;
	atomic_store_explicit(&w->done, want, memory_order_release);
}

void sampler_records(struct sampler *s, unsigned worker, const struct capfile_record *recs, size_t n,
	const struct telescope_counts *c)
{
	struct sampler_worker *w = &s->workers[worker];
	uint64_t want = atomic_load_explicit(&s->want, memory_order_acquire);
	if (!want || !w->seen) {
		/* Somebody begins to look, behind these records. */
		w->seen = want;
		if (!want)
			return;
		begin(w, c);
		empty(w->aside);
		atomic_store_explicit(&w->done, want, memory_order_release);
		return;
	}
	struct share *f = w->filling;
	uint64_t first = f->records;
	while (w->next < first + n) {
		const struct capfile_record *r = &recs[w->next - first];
		f->records = w->next;
		take_time(f, r);
		draw(s, w, r);
	}
	f->records = first + n;
	if (n) {
		take_time(f, &recs[0]);
		take_time(f, &recs[n - 1]);
	}
	if (want != w->seen)
		set_aside(w, want, c);
}

/* ---- the caller's thread ---- */

/* A share is drawn from as often as chance would have drawn from its worker's packets. */
static void merge(struct sampler *s, struct glimpse *out)
{
	uint64_t left[CAPTURE_WORKERS_MAX], all = 0;
	for (unsigned i = 0; i < s->p.workers; i++)
		all += left[i] = s->workers[i].aside->records;
	for (int k = 0; k < GLIMPSE_POINTS && all; k++) {
		uint64_t at = random_below(&s->random, all);
		unsigned i = 0;
		while (at >= left[i])
			at -= left[i++];
		struct share *from = s->workers[i].aside;
		left[i]--;
		all--;
		/* A reservoir has as many as are wanted in all, or each that there was. */
		struct glimpse_point *p = &from->points[random_below(&s->random, from->n)];
		if (p->cls != NOTHING)
			out->points[out->n++] = *p;
		*p = from->points[--from->n];
	}
}

static int by_time(const void *a, const void *b)
{
	const struct glimpse_point *x = a, *y = b;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void sum_up(struct sampler *s, struct glimpse *out)
{
	bool timed = false;
	*out = (struct glimpse){ 0 };
	snprintf(out->sensor, sizeof out->sensor, "%s", s->sensor);
	for (unsigned i = 0; i < s->p.workers; i++) {
		const struct share *a = s->workers[i].aside;
		for (int k = 0; k < CLASS_N; k++) {
			out->by_class[k] += a->by_class[k];
			out->packets += a->by_class[k];
		}
		if (!a->to_ns)
			continue;
		if (!timed || a->from_ns < out->from_ns)
			out->from_ns = a->from_ns;
		if (!timed || a->to_ns > out->to_ns)
			out->to_ns = a->to_ns;
		timed = true;
	}
	merge(s, out);
	qsort(out->points, out->n, sizeof out->points[0], by_time);
}

bool sampler_take(struct sampler *s, int64_t now_ns, struct glimpse *out)
{
	if (!atomic_load_explicit(&s->want, memory_order_relaxed))
		return false;
	for (unsigned i = 0; i < s->p.workers; i++)
		if (atomic_load_explicit(&s->workers[i].done, memory_order_acquire) != s->number)
			return false;
	bool given = s->asked;
	if (given)
		sum_up(s, out);
	s->asked = s->next_ns && now_ns >= s->next_ns;
	if (s->asked)
		atomic_store_explicit(&s->want, ++s->number, memory_order_release);
	if (s->asked || !s->next_ns)
		s->next_ns = now_ns + s->p.interval_ns;
	return given;
}
