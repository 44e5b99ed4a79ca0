// SPDX-License-Identifier: Apache-2.0
#include "role/throttle.h"

#include "base/mem.h"
#include "base/random.h"
#include "model/addr.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND	INT64_C(1000000000)
#define WAYS	8
#define GOOD_NS (12 * 3600 * SECOND) /* how long an address where he logged in is his */

enum kind { PAIR, ADDRESS, USER, KINDS };

static const struct {
	unsigned free, max_s;
} rules[KINDS] = { { THROTTLE_FREE, THROTTLE_MAX_S }, { THROTTLE_ADDRESS, THROTTLE_MAX_S },
	{ THROTTLE_USER, THROTTLE_USER_S } };

struct entry {
	uint64_t key; /* 0: empty */
	unsigned fails;
	int64_t last_ns, until_ns; /* failure; no try before */
	int64_t good_ns;	   /* he logged in; 0: never */
};

struct throttle {
	uint64_t seed;
	struct entry v[THROTTLE_TABLE];
};

struct throttle *throttle_new(uint64_t seed)
{
	struct throttle *t = mem_new(sizeof *t);
	t->seed = seed;
	return t;
}

void throttle_free(struct throttle *t)
{
	free(t);
}

static uint64_t hash(uint64_t h, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = random_mix(h ^ (uint8_t)text[i]);
	return random_mix(h + n);
}

static uint64_t key_of(const struct throttle *t, enum kind kind, const char *user, const char *peer)
{
	struct prefix p;
	uint64_t h = random_mix(t->seed + kind);
	if (kind != ADDRESS)
		h = hash(h, user, strlen(user));
	if (kind != USER) {
		bool known = prefix_parse(peer, &p, NULL) == 0;
		size_t n = known ? (addr_is4(&p.addr) ? sizeof p.addr.b : 8) : strlen(peer);
		h = hash(h, known ? (const char *)p.addr.b : peer, n);
	}
	return h ? h : 1;
}

static bool forgotten(const struct entry *e, int64_t now_ns)
{
	return !e->key ||
	       (now_ns - e->last_ns > THROTTLE_FORGET * SECOND && (!e->good_ns || now_ns - e->good_ns > GOOD_NS));
}

static struct entry *find(struct throttle *t, uint64_t key, int64_t now_ns)
{
	struct entry *set = &t->v[key % (THROTTLE_TABLE / WAYS) * WAYS];
	for (int i = 0; i < WAYS; i++)
		if (set[i].key == key && !forgotten(&set[i], now_ns))
			return &set[i];
	return NULL;
}

/* The one whose loss harms least: it is empty, or has failed least, longest ago. An address of a user counts more. */
static struct entry *take(struct throttle *t, uint64_t key, int64_t now_ns)
{
	struct entry *set = &t->v[key % (THROTTLE_TABLE / WAYS) * WAYS], *least = &set[0];
	struct entry *e = find(t, key, now_ns);
	if (e)
		return e;
	for (int i = 0; i < WAYS; i++) {
		if (forgotten(&set[i], now_ns)) {
			least = &set[i];
			break;
		}
		unsigned a = set[i].fails + (set[i].good_ns ? THROTTLE_FREE : 0);
		unsigned b = least->fails + (least->good_ns ? THROTTLE_FREE : 0);
		if (a < b || (a == b && set[i].last_ns < least->last_ns))
			least = &set[i];
	}
	*least = (struct entry){ .key = key, .last_ns = now_ns };
	return least;
}

unsigned throttle_wait_s(struct throttle *t, const char *user, const char *peer, int64_t now_ns)
{
	int64_t wait = 0;
	for (int k = 0; k < KINDS; k++) {
		struct entry *e = find(t, key_of(t, (enum kind)k, user, peer), now_ns);
		if (e && e->until_ns - now_ns > wait)
			wait = e->until_ns - now_ns;
		if (k == PAIR && e && e->good_ns && now_ns - e->good_ns < GOOD_NS)
			break;
	}
	return (unsigned)((wait + SECOND - 1) / SECOND);
}

void throttle_failed(struct throttle *t, const char *user, const char *peer, int64_t now_ns)
{
	for (int k = 0; k < KINDS; k++) {
		struct entry *e = take(t, key_of(t, (enum kind)k, user, peer), now_ns);
		if (now_ns - e->last_ns > THROTTLE_FORGET * SECOND)
			e->fails = 0;
		e->last_ns = now_ns;
		e->fails++;
		if (e->fails < rules[k].free)
			continue;
		unsigned over = e->fails - rules[k].free;
		unsigned s = over < 16 ? 1u << over : rules[k].max_s;
		e->until_ns = now_ns + (s < rules[k].max_s ? s : rules[k].max_s) * SECOND;
	}
}

void throttle_good(struct throttle *t, const char *user, const char *peer, int64_t now_ns)
{
	struct entry *e = take(t, key_of(t, PAIR, user, peer), now_ns);
	e->fails = 0;
	e->until_ns = 0;
	e->good_ns = now_ns;
}
