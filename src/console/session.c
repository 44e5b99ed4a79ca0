// SPDX-License-Identifier: Apache-2.0
#include "console/console_impl.h"
#include "console/sessionjson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_NS    INT64_C(30000000000)
#define PATIENCE_NS INT64_C(120000000000) /* without a desk that could say so */

void session_ask(struct exchange *e, struct ask *a)
{
	struct call c = { .method = "GET", .path = "/session", .proof = e->rq.proof, .same_site = e->rq.same_site };
	snprintf(c.token, sizeof c.token, "%s", e->rq.token);
	snprintf(c.language, sizeof c.language, "%s", e->rq.language);
	snprintf(c.peer, sizeof c.peer, "%s", e->guest ? e->guest->text : "");
	calls_put(e->x->calls, a, &c);
}

static void finish(struct exchange *e)
{
	e->live.over = true;
	serve_resume(e);
}

/* Lock held. */
static void on_moved(struct ask *a)
{
	struct exchange *e = (struct exchange *)((char *)a - offsetof(struct exchange, again));
	static char text[65536];
	struct live_view view;
	if (!a->whole && !a->lost && a->queued < sizeof text)
		return;
	int64_t now = live_now();
	bool answered = a->whole && !a->lost && a->status < 500;
	size_t n = calls_take(e->x->calls, a, text, sizeof text);
	e->checking = false;
	if (!answered) {
		/* The desk is away or can't say. */
		if (now - e->checked_ns > PATIENCE_NS)
			finish(e);
	} else if (a->status == 200 && sessionjson_parse(text, n, &view) == 0) {
		live_look(&e->live, view);
		e->checked_ns = now;
	} else {
		finish(e);
	}
}

static void begin(struct exchange *e, int64_t now)
{
	calls_drop(e->x->calls, &e->again);
	e->again = (struct ask){ .moved = on_moved };
	e->checking = true;
	e->unchecked_ns = now;
	session_ask(e, &e->again);
	if (e->again.lost)
		on_moved(&e->again);
}

void session_tick(struct console *x)
{
	int64_t now = live_now();
	pthread_mutex_lock(&x->lock);
	/* One that isn't suspended is being written to: it is looked at in the next round. */
	for (struct exchange *e = x->exchanges, *next; e; e = next) {
		next = e->next;
		if (e->live.live && !e->checking && !e->live.over && now - e->checked_ns > AGAIN_NS &&
			now - e->unchecked_ns > AGAIN_NS / 6)
			begin(e, now);
	}
	pthread_mutex_unlock(&x->lock);
}
