// SPDX-License-Identifier: Apache-2.0
#include "range/traffic.h"

#include "base/json.h"
#include "base/mem.h"
#include "range/profile.h"

#include <stdlib.h>

#define MINUTE	    60000000000
#define HOUR	    (60 * MINUTE)
#define TEN_YEARS   (3652 * 24 * HOUR)
#define PORT_LIST   1024
#define END_OF_PCAP (UINT32_MAX * (int64_t)1000000000)

static const struct profile profiles[TRAFFIC_PROFILE_N] = {
	[TRAFFIC_WORST] = { "worst", "200,000 sources, nearly every packet its own flow", 5000000, 10 * MINUTE, 0, 0,
		mix_run, NULL },
	[TRAFFIC_REPEAT] = { "repeat", "the same sources, about 20 packets a flow", 5000000, 10 * MINUTE, 0, 0,
		repeat_run, NULL },
	[TRAFFIC_DEMO] = { "demo", "planted scanners, victims, suspects and noise", 60000, 30 * MINUTE, 0, 0, demo_run,
		demo_check },
	[TRAFFIC_FLOOD] = { "flood", "each packet from an invented source", 1000000, MINUTE, 0, 0, flood_run, NULL },
	[TRAFFIC_SPARSE] = { "sparse", "one packet an hour", 240, 0, HOUR, 0, mix_run, NULL },
	[TRAFFIC_JUMP] = { "jump", "ten minutes, and ten minutes ten years later", 100000, 20 * MINUTE, 0, TEN_YEARS,
		mix_run, NULL },
	[TRAFFIC_IP6] = { "ip6", "scans and backscatter over IPv6", 100000, 10 * MINUTE, 0, 0, scan6_run, NULL },
};

const uint16_t profile_ports[PROFILE_PORTS] = { 443, 80, 22, 8080, 3389, 8443, 445, 5555, 8081, 81, 8000, 2222, 6379,
	1433, 5900, 3306, 37215, 52869, 9000, 60023 };

const char *traffic_profile_name(enum traffic_profile p)
{
	return profiles[p].name;
}

const char *traffic_profile_summary(enum traffic_profile p)
{
	return profiles[p].summary;
}

int traffic_profile_find(const char *name)
{
	for (int i = 0; i < TRAFFIC_PROFILE_N; i++)
		if (!strcmp(name, profiles[i].name))
			return i;
	return -1;
}

void traffic_params_init(struct traffic_params *p, enum traffic_profile profile)
{
	const char *dark = profile == TRAFFIC_IP6 ? "2001:db8:d::/48" : "198.18.0.0/16";
	*p = (struct traffic_params){ .profile = profile, .seed = 1, .start_ns = TRAFFIC_START_NS };
	ENSURE(!prefix_parse(dark, &p->dark, NULL));
	ENSURE(!prefix_parse("203.0.113.0/24", &p->own, NULL));
}

static int64_t span(const struct traffic_params *p)
{
	const struct profile *row = &profiles[p->profile];
	int64_t gaps = row->gap_ns ? END_OF_PCAP / row->gap_ns : 0;
	if (row->gap_ns && p->packets > (uint64_t)gaps)
		return END_OF_PCAP + 1;
	return row->duration_ns + row->jump_ns + (int64_t)p->packets * row->gap_ns;
}

static int check(const struct traffic_params *p, struct err *err)
{
	bool six = p->profile == TRAFFIC_IP6;
	unsigned bits = p->dark.bits;
	if (addr_is4(&p->dark.addr) == six)
		return err_set(
			err, -1, "profile %s needs an IPv%d dark prefix", profiles[p->profile].name, six ? 6 : 4);
	if (six ? bits < 16 || bits > 64 : bits < 128 - TRAFFIC_TARGET_BITS)
		return err_set(err, -1, "the dark prefix must be between %s", six ? "/16 and /64" : "/8 and /32");
	if (p->packets > TRAFFIC_PACKETS_MAX)
		return err_set(err, -1, "at most %lld packets", (long long)TRAFFIC_PACKETS_MAX);
	if (p->start_ns < 0 || p->start_ns > END_OF_PCAP - span(p))
		return err_set(err, -1, "the packets would not lie between 1970 and 2106");
	return profiles[p->profile].check ? profiles[p->profile].check(p, err) : 0;
}

static size_t target_size(const struct traffic *t)
{
	return t->dark_bits > 9 ? (size_t)1 << (t->dark_bits - 3) : 64;
}

struct traffic *traffic_new(const struct traffic_params *params, struct err *err)
{
	struct traffic_params p = *params;
	if (!p.packets)
		p.packets = profiles[p.profile].packets;
	if (check(&p, err))
		return NULL;
	struct traffic *t = mem_new(sizeof *t);
	memset(t, 0, sizeof *t);
	t->params = p;
	t->profile = &profiles[p.profile];
	random_init(&t->random, p.seed);
	t->dark_bits = p.profile == TRAFFIC_IP6 ? 16 : 128u - p.dark.bits;
	if (p.profile != TRAFFIC_IP6)
		t->dark_base = addr_to4(&p.dark.addr);
	return t;
}

void traffic_free(struct traffic *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_actors; i++)
		mem_unmap(t->targets[i], target_size(t));
	free(t);
}

size_t profile_actor(struct traffic *t, const char *name, const struct probe_row *row)
{
	size_t i = t->n_actors++;
	ENSURE(i < TRAFFIC_ACTORS);
	t->actors[i] = (struct traffic_actor){ .name = name, .kind = row->finding, .tool = row->tool };
	t->targets[i] = mem_map(target_size(t));
	return i;
}

int64_t profile_time(struct traffic *t, uint64_t i)
{
	const struct profile *p = t->profile;
	uint64_t n = t->params.packets;
	int64_t jump = i >= n / 2 ? p->jump_ns : 0;
	if (p->gap_ns)
		return t->params.start_ns + (int64_t)i * p->gap_ns;
	uint64_t step = (uint64_t)p->duration_ns / n;
	return t->params.start_ns + jump + (int64_t)(i * step + random_below(&t->random, step));
}

static uint64_t set_bit(uint64_t *set, uint64_t i)
{
	uint64_t old = set[i / 64], bit = (uint64_t)1 << i % 64;
	set[i / 64] = old | bit;
	return !(old & bit);
}

int profile_send(struct traffic *t, const struct profile_packet *p, const struct frame *f)
{
	struct traffic_actor *a = &t->actors[p->actor];
	if (!a->packets++)
		a->first_ns = p->ns;
	a->last_ns = p->ns;
	a->targets += set_bit(t->targets[p->actor], p->target);
	if (p->port >= 0)
		a->ports += set_bit(t->ports[p->actor], (uint64_t)p->port);
	return t->emit(t->arg, p->ns, (struct bytes){ f->b, f->n });
}

int profile_port(const struct sender *s, uint16_t dport)
{
	if (s->kind == PROBE_PING || s->kind == PROBE_UNREACH)
		return -1;
	return probe_row(s->kind)->answers ? s->port : dport;
}

uint32_t profile_order(uint32_t i, unsigned bits, uint32_t key)
{
	uint32_t mask = bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
	unsigned half = bits / 2 ? bits / 2 : 1;
	/* Odd multipliers and shifts to the right are reversible within the mask, so no number comes twice. */
	uint32_t x = (i * (key | 1) + (key >> 16)) & mask;
	x ^= x >> half;
	x = x * 0x9e3779b1u & mask;
	x ^= x >> half;
	return x * 0x85ebca6bu & mask;
}

int traffic_run(struct traffic *t, int (*emit)(void *arg, int64_t ns, struct bytes frame), void *arg)
{
	t->emit = emit;
	t->arg = arg;
	return t->profile->run(t);
}

size_t traffic_actors(const struct traffic *t, const struct traffic_actor **out)
{
	*out = t->actors;
	return t->n_actors;
}

bool traffic_actor_port(const struct traffic *t, size_t i, uint16_t port)
{
	ENSURE(i < t->n_actors);
	return t->ports[i][port / 64] >> port % 64 & 1;
}

static void str_or_null(struct json *j, const char *key, const char *text)
{
	if (text && *text)
		json_str(j, key, text);
	else
		json_null(j, key);
}

static void actor_json(const struct traffic *t, size_t i, struct json *j)
{
	const struct traffic_actor *a = &t->actors[i];
	json_object(j, NULL);
	json_str(j, "name", a->name);
	str_or_null(j, "address", a->address);
	json_str(j, "kind", a->kind);
	str_or_null(j, "tool", a->tool);
	json_bool(j, "research", a->research);
	if (a->sources)
		json_u64(j, "sources", a->sources);
	else
		json_null(j, "sources");
	json_u64(j, "packets", a->packets);
	json_u64(j, "targets", a->targets);
	json_u64(j, "ports", a->ports);
	json_array(j, "port_list");
	for (uint32_t port = 0, n = 0; port < 65536 && n < PORT_LIST; port++) {
		if (traffic_actor_port(t, i, (uint16_t)port)) {
			json_u64(j, NULL, port);
			n++;
		}
	}
	json_end(j, ']');
	json_time(j, "first", a->first_ns);
	json_i64(j, "first_ns", a->first_ns);
	json_time(j, "last", a->last_ns);
	json_i64(j, "last_ns", a->last_ns);
	str_or_null(j, "note", a->note);
	json_end(j, '}');
}

void traffic_truth(const struct traffic *t, FILE *out)
{
	char text[ADDR_TEXT_MAX];
	struct json j;
	int64_t end = t->params.start_ns;
	for (size_t i = 0; i < t->n_actors; i++)
		end = t->actors[i].last_ns > end ? t->actors[i].last_ns : end;
	json_init(&j, out);
	json_object(&j, NULL);
	json_str(&j, "profile", t->profile->name);
	json_u64(&j, "seed", t->params.seed);
	json_u64(&j, "packets", t->params.packets);
	json_time(&j, "start", t->params.start_ns);
	json_i64(&j, "start_ns", t->params.start_ns);
	json_time(&j, "end", end);
	json_i64(&j, "end_ns", end);
	json_str(&j, "dark", prefix_text(text, &t->params.dark));
	str_or_null(&j, "own", t->params.profile == TRAFFIC_DEMO ? prefix_text(text, &t->params.own) : NULL);
	json_array(&j, "actors");
	for (size_t i = 0; i < t->n_actors; i++)
		if (t->actors[i].packets)
			actor_json(t, i, &j);
	json_end(&j, ']');
	json_end(&j, '}');
	json_line(&j);
}
