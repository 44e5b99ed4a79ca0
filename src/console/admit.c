// SPDX-License-Identifier: Apache-2.0
#include "console/admit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)

static const int64_t deadlines[] = {
	[GUEST_NEW] = 10 * SECOND,
	[GUEST_ASKS] = 60 * SECOND,
	[GUEST_ASKS_LONG] = 900 * SECOND,
	[GUEST_LIVE] = INT64_MAX,
	[GUEST_RESTS] = 30 * SECOND,
};

#define LOST (5 * SECOND) /* given to the server, and never seen */

void admit_init(struct admit *a)
{
	for (size_t i = 0; i < ADMIT_ALL; i++)
		a->guests[i] = (struct guest){ .fd = -1 };
}

void admit_free(struct guest *g)
{
	*g = (struct guest){ .fd = -1 };
}

void admit_phase(struct guest *g, enum guest_phase phase, int64_t now_ns)
{
	g->phase = phase;
	g->since_ns = now_ns;
}

static void end(struct admit *a, struct guest *g)
{
	if (g->ending)
		return;
	g->ending = true;
	a->ended++;
	/* Its number is ours until the server says that it closed it. */
	shutdown(g->fd, SHUT_RDWR);
}

static void name_from(struct guest *g, const struct sockaddr *from)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;
	const uint8_t *mapped = v6->sin6_addr.s6_addr + 12;
	if (from->sa_family == AF_INET || (from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))) {
		const uint8_t *p = from->sa_family == AF_INET ? (const uint8_t *)&v4->sin_addr : mapped;
		g->key[10] = g->key[11] = 0xff;
		memcpy(g->key + 12, p, 4);
		g->local = p[0] == 127;
		inet_ntop(AF_INET, p, g->text, sizeof g->text);
	} else if (from->sa_family == AF_INET6) {
		g->local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
		memcpy(g->key, v6->sin6_addr.s6_addr, 8);
		inet_ntop(AF_INET6, &v6->sin6_addr, g->text, sizeof g->text);
	} else {
		/* A local socket that was handed over. */
		g->local = true;
		snprintf(g->text, sizeof g->text, "local");
	}
}

struct tally {
	size_t all, fresh, each, each_fresh;
};

static bool same(const struct guest *a, const struct guest *b)
{
	return memcmp(a->key, b->key, sizeof a->key) == 0;
}

static struct tally count(const struct admit *a, const struct guest *as)
{
	struct tally t = { 0 };
	for (size_t i = 0; i < ADMIT_ALL; i++) {
		const struct guest *g = &a->guests[i];
		if (g->fd < 0 || g->ending)
			continue;
		bool fresh = g->phase == GUEST_NEW, each = same(g, as);
		t.all++;
		t.fresh += fresh;
		t.each += each;
		t.each_fresh += each && fresh;
	}
	return t;
}

/* The oldest in that phase; `as`: of that address alone. */
static struct guest *oldest(struct admit *a, enum guest_phase phase, const struct guest *as)
{
	struct guest *found = NULL;
	for (size_t i = 0; i < ADMIT_ALL; i++) {
		struct guest *g = &a->guests[i];
		if (g->fd >= 0 && !g->ending && g->phase == phase && (!as || same(g, as)) &&
			(!found || g->since_ns < found->since_ns))
			found = g;
	}
	return found;
}

static bool make_room(struct admit *a, const struct guest *as, bool fresh_only)
{
	struct guest *g = oldest(a, GUEST_NEW, as);
	if (!g && !fresh_only)
		g = oldest(a, GUEST_RESTS, as);
	if (g)
		end(a, g);
	return g;
}

struct guest *admit_one(struct admit *a, int fd, const struct sockaddr *from, int64_t now_ns)
{
	struct guest new = { .fd = fd, .phase = GUEST_NEW, .since_ns = now_ns }, *slot = NULL;
	name_from(&new, from);
	struct tally t = count(a, &new);
	size_t each = new.local ? ADMIT_EACH_LOCAL : ADMIT_EACH;
	bool room = true;
	if (t.each >= each)
		room = make_room(a, &new, false);
	else if (t.each_fresh >= each / 4)
		room = make_room(a, &new, true);
	else if (t.fresh >= ADMIT_NEW)
		room = make_room(a, NULL, true);
	else if (t.all >= ADMIT_ALL)
		room = make_room(a, NULL, false);
	/* One that is ending still has its place until the server closed it. */
	for (size_t i = 0; room && i < ADMIT_ALL && !slot; i++)
		if (a->guests[i].fd < 0)
			slot = &a->guests[i];
	if (!slot) {
		a->refused++;
		return NULL;
	}
	a->taken++;
	*slot = new;
	return slot;
}

struct guest *admit_find(struct admit *a, int fd)
{
	for (size_t i = 0; i < ADMIT_ALL; i++)
		if (a->guests[i].fd == fd && !a->guests[i].known)
			return &a->guests[i];
	return NULL;
}

void admit_tick(struct admit *a, int64_t now_ns)
{
	for (size_t i = 0; i < ADMIT_ALL; i++) {
		struct guest *g = &a->guests[i];
		if (g->fd < 0)
			continue;
		if (!g->known && now_ns - g->since_ns > LOST)
			admit_free(g);
		else if (g->known && now_ns - g->since_ns > deadlines[g->phase])
			end(a, g);
	}
}

size_t admit_count(const struct admit *a)
{
	size_t n = 0;
	for (size_t i = 0; i < ADMIT_ALL; i++)
		n += a->guests[i].fd >= 0;
	return n;
}
