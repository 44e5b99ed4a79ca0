// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/tools.h"

#include <string.h>

#define MIN_MATCHES 3
#define SEC	    ((int64_t)1000000000)
#define FOREVER	    INT64_MAX
#define NO_MARK	    (-1)

/* Midnight UTC at the start of the month, in seconds since 1970. */
enum {
	Y2013_08 = 1375315200, /* ZMap's first release */
	Y2013_09 = 1377993600, /* Masscan's */
	Y2016_08 = 1470009600, /* Mirai seen in the wild */
	Y2024_03 = 1709251200, /* ZMap drops the constant IP ID (#798) */
	Y2024_04 = 1711929600, /* and sends options (#855) */
};

static const struct rule {
	const char *tool;
	int mark;	       /* enum source_mark, NO_MARK: none */
	unsigned any_constant; /* 0, or at least one of these fields (bit: enum source_constant) stayed the same */
	int64_t from_s, to_s;
	uint8_t confidence;
} rules[] = {
	{ "mirai", MARK_MIRAI, 0, Y2016_08, FOREVER, 98 },
	{ "zmap", MARK_ZMAP_ID, 0, Y2013_08, Y2024_03, 97 },
	{ "masscan", MARK_MASSCAN, 0, Y2013_09, FOREVER, 97 },
	{ "zmap", MARK_ZMAP_SYN, 0, Y2024_04, FOREVER, 85 },
	{ "nmap", MARK_NMAP, 1u << CONST_SEQ | 1u << CONST_SPORT, 0, FOREVER, 90 },
	{ "nmap", MARK_NMAP, 0, 0, FOREVER, 75 },
	{ "constant-key", NO_MARK, 1u << CONST_SEQ | 1u << CONST_SEQ_DST | 1u << CONST_SEQ_DST_PORTS, 0, FOREVER, 70 },
};

static bool constant(const struct event *e, unsigned any)
{
	return any == 0 || (e->constant_syns >= MIN_MATCHES && (e->constants & any) != 0);
}

static bool fits(const struct event *e, const struct rule *r, uint64_t *matches)
{
	*matches = e->packets;
	if (r->mark != NO_MARK) {
		/* Exact matches are counted at the source, over all it sent; those of this event can't be more than its
		 * tagged flows. */
		*matches = e->marked[r->mark] < e->tagged[r->mark] ? e->marked[r->mark] : e->tagged[r->mark];
		if (*matches < MIN_MATCHES || *matches * 2 < e->packets)
			return false;
	}
	if (r->mark == NO_MARK && (e->type != EVENT_TCP || event_peers(e) + e->max_ports < MIN_MATCHES))
		return false;
	return constant(e, r->any_constant);
}

/* Telnet without Mirai's mark is a class of its own: who else knocks at 23 and 2323? */
static bool telnet(const struct darknet *d, const struct event *e, uint64_t *matches)
{
	*matches = 0;
	if (e->type != EVENT_TCP)
		return false;
	for (uint32_t m = e->ports; m; m = d->ports[m - 1].next)
		if (d->ports[m - 1].value == 23 || d->ports[m - 1].value == 2323)
			*matches += d->ports[m - 1].packets;
	return *matches >= MIN_MATCHES && *matches * 2 >= e->packets;
}

bool tools_leaves(const char *tool, int mark)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].mark == mark && strcmp(rules[i].tool, tool) == 0)
			return true;
	return false;
}

const char *darknet_tool_of(const struct source *s)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct rule *r = &rules[i];
		bool marked = r->mark == NO_MARK ? s->targets + s->ports >= MIN_MATCHES
						 : s->marks[r->mark] >= MIN_MATCHES &&
							   (uint64_t)s->marks[r->mark] * 2 >= s->packets;
		bool same = r->any_constant == 0 || (s->syns >= MIN_MATCHES && (s->constants & r->any_constant) != 0);
		if (marked && same)
			return r->tool;
	}
	return NULL;
}

struct tools_match tools_of(const struct darknet *d, const struct event *e)
{
	struct tools_match out = { "none", 0, true, 0 };
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct rule *r = &rules[i];
		if (!fits(e, r, &out.matches))
			continue;
		out.tool = r->tool;
		out.in_date = e->last / SEC >= r->from_s && e->first / SEC < r->to_s;
		out.confidence = (uint8_t)(r->confidence - (out.in_date ? 0 : 10));
		return out;
	}
	if (telnet(d, e, &out.matches)) {
		out.tool = "telnet-bot";
		out.confidence = 60;
	} else {
		out.matches = 0;
	}
	return out;
}
