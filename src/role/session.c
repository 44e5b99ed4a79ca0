// SPDX-License-Identifier: Apache-2.0
#include "role/session.h"

#include "base/mem.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct sessions {
	int64_t idle_ns, longest_ns;
	struct session *v;
	size_t n, room;
};

struct sessions *sessions_new(int64_t idle_ns, int64_t longest_ns)
{
	struct sessions *s = mem_new(sizeof *s);
	*s = (struct sessions){ .idle_ns = idle_ns, .longest_ns = longest_ns };
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	if (s->v)
		proof_wipe(s->v, s->room * sizeof *s->v);
	free(s->v);
	free(s);
}

static void drop(struct sessions *s, size_t i)
{
	s->v[i] = s->v[--s->n];
	proof_wipe(&s->v[s->n], sizeof s->v[s->n]);
}

static bool over(const struct sessions *s, const struct session *one, int64_t now_ns)
{
	return now_ns >= sessions_until(s, one);
}

int64_t sessions_until(const struct sessions *s, const struct session *of)
{
	int64_t idle = of->seen_ns + s->idle_ns, end = of->begun_ns + s->longest_ns;
	return idle < end ? idle : end;
}

/* `user` NULL: of anybody. */
static size_t least_lately(const struct sessions *s, const char *user, size_t *count)
{
	size_t least = s->n;
	*count = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (user && strcmp(s->v[i].user, user) != 0)
			continue;
		++*count;
		if (least == s->n || s->v[i].seen_ns < s->v[least].seen_ns)
			least = i;
	}
	return least;
}

static void make_room(struct sessions *s, const char *user, int64_t now_ns)
{
	size_t count;
	for (size_t i = s->n; i-- > 0;)
		if (over(s, &s->v[i], now_ns))
			drop(s, i);
	size_t least = least_lately(s, user, &count);
	if (count >= SESSIONS_A_USER)
		drop(s, least);
	least = least_lately(s, NULL, &count);
	if (count >= SESSIONS_MAX)
		drop(s, least);
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 8;
		s->v = mem_grow(s->v, s->room * sizeof *s->v);
	}
}

void sessions_begin(struct sessions *s, struct session *session, char token[PROOF_KEY + 1], int64_t now_ns)
{
	make_room(s, session->user, now_ns);
	proof_key(token);
	proof_key(session->csrf);
	proof_sha(session->sha, token);
	session->begun_ns = session->seen_ns = now_ns;
	s->v[s->n++] = *session;
}

static struct session *at(struct sessions *s, const uint8_t sha[PROOF_SHA])
{
	for (size_t i = 0; i < s->n; i++)
		if (sodium_memcmp(s->v[i].sha, sha, PROOF_SHA) == 0)
			return &s->v[i];
	return NULL;
}

bool sessions_find(struct sessions *s, const char *token, bool touch, int64_t now_ns, struct session *out)
{
	uint8_t sha[PROOF_SHA];
	proof_sha(sha, token);
	struct session *one = at(s, sha);
	if (!one)
		return false;
	if (over(s, one, now_ns)) {
		drop(s, (size_t)(one - s->v));
		return false;
	}
	if (touch)
		one->seen_ns = now_ns;
	*out = *one;
	return true;
}

void sessions_put(struct sessions *s, const struct session *session)
{
	struct session *one = at(s, session->sha);
	if (one)
		*one = *session;
}

void sessions_end(struct sessions *s, const struct session *session)
{
	struct session *one = at(s, session->sha);
	if (one)
		drop(s, (size_t)(one - s->v));
}

void sessions_end_others(struct sessions *s, const char *user, const struct session *but)
{
	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->v[i].user, user) == 0 && (!but || memcmp(s->v[i].sha, but->sha, PROOF_SHA) != 0))
			drop(s, i);
}

size_t sessions_count(const struct sessions *s)
{
	return s->n;
}
