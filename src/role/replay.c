// SPDX-License-Identifier: Apache-2.0
#include "role/replay.h"

#include "base/input.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/capfile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS	    256
#define TURN	    64 /* times RECORDS before others get their turn */
#define WAITING_MAX ((size_t)32 << 20)
#define SIGNALS_NS  1000000000
#define PACE_MS	    10

struct replay {
	struct replay_params p;
	double speed; /* 0: max */
	char name[40];
	struct input *in;
	struct capfile *file;
	struct telescope *telescope;
	struct signals *signals;
	struct pipeline *pipeline;
	struct sender *sender;
	int timer;
	bool started, over;
	int64_t begun_ns, first_ns; /* monotonic; of the first packet */
	size_t used;		    /* octets of the window that the records are of */
	struct capfile_record records[RECORDS];
	size_t n, at;		      /* records that wait for their time */
	int64_t signal_ns, record_ns; /* of the first signal that waits, 0: none; of the record */
	struct signal signal;	      /* of the record that was read last */
	bool signalled;
	void (*end)(void *arg, int64_t until_ns);
	void *arg;
	void (*each)(void *arg, unsigned worker, const struct capfile_record *recs, size_t n,
		const struct telescope_counts *c);
	bool (*wait)(void *arg, int64_t ns);
	void *each_arg;
};

struct replay *replay_open(const struct replay_params *p, struct err *err)
{
	char *end = NULL;
	double speed = p->speed && strcmp(p->speed, "max") != 0 ? strtod(p->speed, &end) : 0;
	if (end && (*end || !(speed > 0 && speed <= 1e6))) {
		err_set(err, -1, "--speed takes max or a number from 0 to 1000000, not '%s'", p->speed);
		return NULL;
	}
	struct replay *r = mem_new(sizeof *r);
	struct input_options o = { 0 };
	r->p = *p;
	r->speed = speed;
	r->timer = -1;
	snprintf(r->name, sizeof r->name, "replay %016llx", (unsigned long long)input_identity(p->path, 1));
	if (input_open(&r->in, p->path, &o, err) < 0) {
		free(r);
		return NULL;
	}
	return r;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	capfile_free(r->file);
	telescope_free(r->telescope);
	signals_free(r->signals);
	input_close(r->in);
	free(r);
}

const char *replay_name(const struct replay *r)
{
	return r->name;
}

void replay_feed(struct replay *r, const struct telescope_params *t, const struct signals_params *signals,
	struct pipeline *p, struct sender *s)
{
	r->telescope = telescope_new(t);
	r->signals = signals_new(signals);
	r->file = capfile_new();
	r->pipeline = p;
	r->sender = s;
}

void replay_on_end(struct replay *r, void (*fn)(void *arg, int64_t until_ns), void *arg)
{
	r->end = fn;
	r->arg = arg;
}

void replay_on_records(struct replay *r,
	void (*fn)(void *arg, unsigned worker, const struct capfile_record *recs, size_t n,
		const struct telescope_counts *c),
	bool (*wait)(void *arg, int64_t ns), void *arg)
{
	r->each = fn;
	r->wait = wait;
	r->each_arg = arg;
}

const struct telescope_counts *replay_counts(const struct replay *r)
{
	return telescope_counts(r->telescope);
}

static void on_signal(void *arg, const struct signal *s)
{
	struct replay *r = arg;
	if (!r->signal_ns)
		r->signal_ns = r->record_ns ? r->record_ns : 1;
	r->signal = *s;
	r->signalled = true; /* one record is asked about at a time: there is one at most */
}

static void finish(struct replay *r)
{
	if (r->over)
		return;
	r->over = true;
	loop_cancel(r->p.loop, r->timer);
	telescope_flush(r->telescope);
	const struct telescope_counts *c = telescope_counts(r->telescope);
	/* A file may say any time; the end of the last minute must have one, too. */
	int64_t most = INT64_MAX - 2 * MINUTE_NS, last = c->last_ns < most ? c->last_ns : most;
	int64_t until = c->timed ? (last / MINUTE_NS + 1) * MINUTE_NS : 0;
	r->end(r->arg, until);
}

static void publish(struct replay *r)
{
	const struct telescope_counts *c = telescope_counts(r->telescope);
	counters_set(COUNTER_PACKETS, c->packets);
	counters_set(COUNTER_BYTES, c->bytes);
	counters_set(COUNTER_LATE, c->late);
	counters_set(COUNTER_FOLDED, c->folded);
	if (c->timed)
		counters_set(COUNTER_LAST_PACKET, (uint64_t)c->last_ns);
}

/* How many of the records that were read are due. */
static size_t due(struct replay *r)
{
	size_t n = r->n - r->at;
	if (r->speed == 0)
		return n;
	int64_t now = loop_now_ns();
	for (size_t i = 0; i < n; i++) {
		const struct capfile_record *rec = &r->records[r->at + i];
		if (!rec->has_time)
			continue;
		if (!r->begun_ns) {
			r->begun_ns = now;
			r->first_ns = rec->time_ns;
		}
		if ((double)rec->time_ns - (double)r->first_ns > (double)(now - r->begun_ns) * r->speed)
			return i;
	}
	return n;
}

/* Reads the next records. False: there are none any more. */
static bool read_more(struct replay *r)
{
	char safe[512];
	size_t used;
	while (r->n == 0) {
		struct bytes w = input_window(r->in, capfile_want(r->file));
		if (!r->started && !capfile_recognise(w))
			fprintf(stderr, "sakimori: replay: %s: not a capture\n", input_name(r->in));
		r->started = true;
		enum capfile_status st = capfile_read(r->file, w, r->records, RECORDS, &r->n, &used);
		if (r->n == 0)
			input_consume(r->in, used);
		if (st == CAPFILE_BAD && r->n == 0) {
			const char *why = capfile_error(r->file);
			fprintf(stderr, "sakimori: replay: offset %llu: %s\n", (unsigned long long)input_offset(r->in),
				text_escape(safe, sizeof safe, why, strlen(why)));
			return false;
		}
		/* Not a byte more came, and not a record: the end. */
		if (st == CAPFILE_MORE && r->n == 0 && used == 0 &&
			input_window(r->in, capfile_want(r->file)).n < capfile_want(r->file))
			return false;
		r->used = used; /* until they are taken they lie in the window */
	}
	return true;
}

/*
 * Where a batch ends depends on packets alone, never on the clock nor on how many records were due at once: a replay
 * that begins anew cuts the same batches, and those that are kept already are known by their number. So a signal is
 * given after its own packet is counted and before the next is: a minute that an earlier one closes goes without it.
 * Signals go a second of packet time after the first of them. Returns how many records were taken.
 */
static size_t take(struct replay *r, size_t n)
{
	size_t i = 0;
	r->signalled = false;
	while (i < n && !r->signalled) {
		const struct capfile_record *rec = &r->records[r->at + i];
		if (r->signal_ns && rec->has_time && rec->time_ns - r->signal_ns >= SIGNALS_NS) {
			if (i)
				break;
			r->signal_ns = 0;
			pipeline_tick(r->pipeline);
		}
		r->record_ns = rec->time_ns;
		signals_add(r->signals, rec, 1, on_signal, r);
		i++;
	}
	telescope_add(r->telescope, r->records + r->at, i);
	if (r->signalled)
		pipeline_signal(r->pipeline, &r->signal);
	return i;
}

static void step(void *arg)
{
	struct replay *r = arg;
	int again_ms = 0;
	r->timer = -1;
	for (int turn = 0; turn < TURN; turn++) {
		if (sender_waiting(r->sender) > WAITING_MAX) {
			again_ms = PACE_MS;
			break;
		}
		if (r->n == 0 && !read_more(r)) {
			publish(r);
			finish(r);
			return;
		}
		size_t n = due(r);
		if (n == 0 || (r->wait && r->wait(r->each_arg, r->records[r->at].time_ns))) {
			again_ms = PACE_MS;
			break;
		}
		n = take(r, n);
		if (r->each)
			r->each(r->each_arg, 0, r->records + r->at, n, telescope_counts(r->telescope));
		r->at += n;
		if (r->at == r->n) {
			input_consume(r->in, r->used);
			r->at = r->n = 0;
		}
	}
	publish(r);
	r->timer = loop_after(r->p.loop, again_ms, step, r);
}

void replay_start(struct replay *r)
{
	r->timer = loop_after(r->p.loop, 0, step, r);
}

void replay_stop(struct replay *r)
{
	r->over = true;
	loop_cancel(r->p.loop, r->timer);
}
