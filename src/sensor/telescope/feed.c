// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/feed.h"

#include "base/mem.h"
#include "sensor/telescope/collect.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORDS	    64
#define LINKTYPES   65536
#define MAX_WORKERS 16

struct worker {
	struct feed *feed;
	struct telescope *telescope;
	struct capfile *capfile;
	struct collect *collect;
	pthread_t thread;
	size_t used; /* of the current window */
	enum capfile_status status;
	struct capfile_record records[RECORDS];
};

struct feed {
	struct feed_params p;
	unsigned n;
	struct worker workers[MAX_WORKERS];
	struct bytes window;
	bool end_of_input, quit;
	pthread_barrier_t start, done;
	uint64_t *packets; /* by link type; worker 0 counts for all */
	bool *declared;
	size_t seen_types; /* of the current file */
};

static void count_types(struct feed *f, const struct capfile *c, const struct capfile_record *recs, size_t n)
{
	const int *types;
	size_t k = capfile_linktypes(c, &types);
	for (; f->seen_types < k; f->seen_types++)
		f->declared[types[f->seen_types] & (LINKTYPES - 1)] = true;
	if (k == 1) {
		f->packets[types[0] & (LINKTYPES - 1)] += n;
		return;
	}
	for (size_t i = 0; i < n; i++)
		f->packets[recs[i].linktype & (LINKTYPES - 1)]++;
}

/* Takes all whole records of the window; what is left shows in `used` and `status`. */
static void walk(struct worker *w)
{
	struct bytes in = w->feed->window;
	size_t total = 0;
	do {
		size_t n, used;
		w->status = capfile_read(w->capfile, bytes_from(in, total), w->records, RECORDS, &n, &used);
		if (w == &w->feed->workers[0])
			count_types(w->feed, w->capfile, w->records, n);
		if (n)
			telescope_add(w->telescope, w->records, n);
		total += used;
	} while (w->status == CAPFILE_RECORDS);
	w->used = total;
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct feed *f = w->feed;
	for (;;) {
		pthread_barrier_wait(&f->start);
		if (f->quit)
			return NULL;
		if (f->end_of_input)
			telescope_flush(w->telescope);
		else
			walk(w);
		pthread_barrier_wait(&f->done);
	}
}

/* One step of all workers: the caller is the first of them. */
static void step(struct feed *f)
{
	struct collect *all[MAX_WORKERS];
	if (f->n > 1)
		pthread_barrier_wait(&f->start);
	if (f->end_of_input)
		telescope_flush(f->workers[0].telescope);
	else
		walk(&f->workers[0]);
	if (f->n == 1)
		return;
	pthread_barrier_wait(&f->done);
	for (unsigned i = 0; i < f->n; i++)
		all[i] = f->workers[i].collect;
	collect_merge(all, f->n, &f->p.telescope.sink);
}

struct feed *feed_new(const struct feed_params *p)
{
	struct feed *f = mem_new(sizeof *f);
	f->p = *p;
	f->n = p->workers < 1 || p->telescope.unwrap || p->telescope.sink.packet ? 1
	       : p->workers > MAX_WORKERS					 ? MAX_WORKERS
										 : p->workers;
	f->packets = mem_new(LINKTYPES * sizeof *f->packets);
	f->declared = mem_new(LINKTYPES * sizeof *f->declared);
	for (unsigned i = 0; i < f->n; i++) {
		struct worker *w = &f->workers[i];
		struct telescope_params t = p->telescope;
		t.worker = i;
		t.workers = f->n;
		w->feed = f;
		if (f->n > 1) {
			w->collect = collect_new();
			t.sink = collect_sink(w->collect, &p->telescope.sink);
			t.sorted = true;
		}
		w->telescope = telescope_new(&t);
	}
	if (f->n > 1) {
		ENSURE(pthread_barrier_init(&f->start, NULL, f->n) == 0);
		ENSURE(pthread_barrier_init(&f->done, NULL, f->n) == 0);
		for (unsigned i = 1; i < f->n; i++)
			ENSURE(pthread_create(&f->workers[i].thread, NULL, run_worker, &f->workers[i]) == 0);
	}
	return f;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	if (f->n > 1) {
		f->quit = true;
		pthread_barrier_wait(&f->start);
		for (unsigned i = 1; i < f->n; i++)
			pthread_join(f->workers[i].thread, NULL);
		pthread_barrier_destroy(&f->start);
		pthread_barrier_destroy(&f->done);
	}
	for (unsigned i = 0; i < f->n; i++) {
		telescope_free(f->workers[i].telescope);
		collect_free(f->workers[i].collect);
		capfile_free(f->workers[i].capfile);
	}
	free(f->packets);
	free(f->declared);
	free(f);
}

static void cut(struct feed_file *out, uint64_t offset, const char *reason)
{
	out->truncated = true;
	out->offset = offset;
	snprintf(out->reason, sizeof out->reason, "%s", reason);
}

/* Why the bytes ended where they did. */
static void judge_end(struct worker *w, struct input *in, struct bytes left, struct feed_file *out)
{
	struct err err = { "" };
	if (input_status(in, &err) != INPUT_OK)
		cut(out, input_offset(in), err.text);
	else if (left.n)
		cut(out, input_offset(in), capfile_cut(w->capfile, left));
}

int feed_file(struct feed *f, struct input *in, struct feed_file *out, feed_progress *progress, void *arg)
{
	struct worker *w = &f->workers[0];
	*out = (struct feed_file){ 0 };
	f->seen_types = 0;
	if (f->n > 1)
		input_map(in);
	f->window = input_window(in, 4);
	if (!capfile_recognise(f->window)) {
		struct err err = { "not a pcap or pcapng file" };
		input_status(in, &err);
		cut(out, 0, f->window.n == 0 && input_status(in, NULL) == INPUT_OK ? "an empty file" : err.text);
		return -1;
	}
	for (unsigned i = 0; i < f->n; i++) {
		capfile_free(f->workers[i].capfile);
		f->workers[i].capfile = capfile_new();
		ENSURE(f->workers[i].capfile);
	}
	for (;;) {
		size_t before = f->window.n;
		step(f);
		input_consume(in, w->used);
		if (w->status == CAPFILE_BAD) {
			cut(out, input_offset(in), capfile_error(w->capfile));
			break;
		}
		struct bytes left = bytes_from(f->window, w->used);
		f->window = input_window(in, capfile_want(w->capfile));
		if (f->window.n < capfile_want(w->capfile) || (w->used == 0 && f->window.n <= before)) {
			judge_end(w, in, f->window.n ? f->window : bytes_head(left, 0), out);
			break;
		}
		if (progress && !progress(arg, input_offset(in)))
			break;
	}
	out->format = capfile_format(w->capfile);
	out->drops = capfile_drops(w->capfile);
	out->oddities = capfile_oddities(w->capfile);
	out->far = capfile_far(w->capfile, &out->far_s, &out->far_ns);
	return 0;
}

void feed_finish(struct feed *f)
{
	f->end_of_input = true;
	step(f);
	f->end_of_input = false;
}

struct telescope_counts feed_counts(const struct feed *f)
{
	struct telescope_counts sum = *telescope_counts(f->workers[0].telescope);
	uint64_t minutes = sum.minutes;
	for (unsigned i = 1; i < f->n; i++) {
		const struct telescope_counts *c = telescope_counts(f->workers[i].telescope);
		telescope_counts_add(&sum, c);
		minutes = c->minutes > minutes ? c->minutes : minutes;
	}
	sum.minutes = minutes;
	return sum;
}

uint64_t feed_distinct(const struct feed *f, bool ip6, bool *exact)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < f->n; i++) {
		const struct distinct *d = telescope_distinct(f->workers[i].telescope, ip6);
		n += distinct_count(d);
		*exact = *exact && distinct_exact(d);
	}
	return n;
}

size_t feed_source_count(const struct feed *f)
{
	size_t n = 0;
	for (unsigned i = 0; i < f->n; i++)
		n += telescope_source_count(f->workers[i].telescope);
	return n;
}

void feed_each_source(struct feed *f, void (*fn)(void *arg, const struct source *), void *arg)
{
	for (unsigned i = 0; i < f->n; i++)
		telescope_each_source(f->workers[i].telescope, fn, arg);
}

size_t feed_memory(const struct feed *f)
{
	size_t n = 0;
	for (unsigned i = 0; i < f->n; i++)
		n += telescope_memory(f->workers[i].telescope);
	return n;
}

void feed_each_linktype(const struct feed *f, void (*fn)(void *arg, int linktype, uint64_t packets), void *arg)
{
	for (int i = 0; i < LINKTYPES; i++)
		if (f->declared[i])
			fn(arg, i, f->packets[i]);
}
