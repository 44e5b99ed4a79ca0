// SPDX-License-Identifier: Apache-2.0
#include "cmd/concluding.h"

#include "base/idmap.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "base/zone.h"
#include "know/knowing.h"
#include "cmd/prefixes.h"
#include "wire/dns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_EVENTS   (64u << 20)
#define MAX_TIMEOUT_S ((uint64_t)3155760000)

struct concluding {
	struct darknet *darknet;
	struct tally *tally;
	struct prefixes dark, own;
	struct knowing knows;
	struct idmap questions; /* DNS questions seen, up to a million */
	const char *kinds;
	bool no_research;
};

/* Every word of "scan,backscatter" must be a kind: a typing mistake would be silence for ever. */
static int check_kinds(const char *words, struct err *err)
{
	for (const char *w = words; *w;) {
		size_t n = strcspn(w, ",");
		bool known = false;
		for (int k = 0; k < FINDING_KIND_N && !known; k++) {
			const char *name = finding_kind_name((enum finding_kind)k);
			known = strlen(name) == n && strncmp(name, w, n) == 0;
		}
		if (!known)
			return err_set(err, -1,
				"--kind knows scan, scan-type, backscatter, amplification, icmp-quote, port-new, "
				"port-surge, own-watch, own-suspect and own-attacked, not '%.*s'",
				(int)n, w);
		w += n + (w[n] == ',');
	}
	return 0;
}

/* Numbers that the analysis keeps in less than 64 bits. */
static int check(const struct telescope_options *o, struct err *err)
{
	if (o->min_targets > UINT32_MAX || o->min_ports > UINT32_MAX)
		return err_set(err, -1, "--min-targets and --min-ports take at most 4294967295");
	if (o->max_events && (o->max_events < 1000 || o->max_events > MOST_EVENTS))
		return err_set(err, -1, "--max-events takes 1000 to %u", MOST_EVENTS);
	if (o->kind && check_kinds(o->kind, err) < 0)
		return -1;
	if (o->timeout_s > MAX_TIMEOUT_S)
		return err_set(err, -1, "--timeout takes at most %" PRIu64 " seconds, a hundred years", MAX_TIMEOUT_S);
	return 0;
}

static int open_knowing(struct knowing *k, const struct telescope_options *o, struct err *err)
{
	struct knowing_params p = {
		.research = { o->research_file.v, o->research_file.n },
		.names = { o->names.v, o->names.n },
		.owners = { o->owners.v, o->owners.n },
		.geo = { o->geo.v, o->geo.n },
	};
	return knowing_open(k, &p, err);
}

struct concluding *concluding_new(const struct telescope_options *o, uint64_t seed)
{
	struct concluding *e = mem_new(sizeof *e);
	struct err err = { "" };
	struct prefix *own = NULL;
	if (check(o, &err) < 0 || (o->tz && zone_set(o->tz, &err) < 0) || prefixes_read(&e->dark, &o->dark, &err) < 0 ||
		prefixes_read(&e->own, &o->own, &err) < 0 || open_knowing(&e->knows, o, &err) < 0) {
		char safe[1024];
		fprintf(stderr, "sakimori: %s\n", text_escape(safe, sizeof safe, err.text, strlen(err.text)));
		concluding_free(e);
		return NULL;
	}
	own = mem_new(e->own.n * sizeof *own);
	for (size_t i = 0; i < e->own.n; i++)
		own[i] = e->own.v[i].prefix;
	struct darknet_params p = {
		.sensor = o->sensor,
		.dark = e->dark.v,
		.n_dark = e->dark.n,
		.own = own,
		.n_own = e->own.n,
		.min_targets = (uint32_t)o->min_targets,
		.min_ports = (uint32_t)o->min_ports,
		.max_events = (uint32_t)o->max_events,
		.timeout_ns = (int64_t)o->timeout_s * 1000000000,
		.seed = seed,
		.research = knowing_research,
		.owner = knowing_owner,
		.place = knowing_place,
		.arg = &e->knows,
	};
	e->darknet = darknet_new(&p);
	idmap_init(&e->questions, (size_t)1 << 20, seed);
	e->kinds = o->kind;
	e->no_research = o->research && strcmp(o->research, "exclude") == 0;
	free(own);
	return e;
}

void concluding_free(struct concluding *e)
{
	if (!e)
		return;
	darknet_free(e->darknet);
	idmap_fini(&e->questions);
	tally_free(e->tally);
	knowing_close(&e->knows);
	free(e->dark.v);
	free(e->own.v);
	free(e);
}

/* Where the IP header of a decoded packet starts: the struct keeps its parts, not its beginning. */
static const uint8_t *ip_start(const struct packet *p)
{
	if (p->layer == LAYER_IP6)
		return p->src6 - 8;
	const uint8_t *t = p->cls <= CLASS_TCP_OTHER ? p->options.p - 20
			   : p->cls == CLASS_UDP     ? p->payload.p - 8
			   : p->cls == CLASS_ICMP    ? p->payload.p - 4
						     : NULL;
	for (int words = 5; t && words <= 15; words++) {
		const uint8_t *ip = t - words * 4;
		if (ip[0] == (0x40 | words) && load_be32(ip + 16) == p->dst4)
			return ip;
	}
	return NULL;
}

static void sample(struct concluding *e, const struct packet *p, int64_t ns)
{
	struct finding_sample s = { .ns = ns, .sport = p->sport, .dport = p->dport, .proto = p->proto };
	s.src = flow_packet_src(p);
	s.dst = flow_packet_dst(p);
	if (!darknet_wants_sample(e->darknet, &s.src, &s.dst, s.dport))
		return;
	const uint8_t *ip = ip_start(p);
	if (ip) {
		size_t n = (size_t)(p->payload.p + p->payload.n - ip);
		s.head_len = (uint8_t)(n < FINDING_HEAD ? n : FINDING_HEAD);
		memcpy(s.head, ip, s.head_len);
	}
	darknet_sample(e->darknet, &s);
}

struct naming {
	struct darknet *darknet;
	struct addr by;
};

static void name(void *arg, const uint8_t *octets, size_t n)
{
	struct naming *x = arg;
	struct addr a = n == 4 ? addr_from4(load_be32(octets)) : addr_from6(octets);
	darknet_named(x->darknet, &a, &x->by);
}

/* Client, server, the client's port and the message's number. */
static uint64_t question_key(const struct addr *client, const struct addr *server, uint16_t port, uint16_t id)
{
	return random_mix(addr_hash(client, 1) ^ random_mix(addr_hash(server, 2) ^ (uint64_t)port << 16 ^ id));
}

/*
 * Names that answers give. When the input has questions at all, an answer must have one: else one forged datagram could
 * make a whole scan look like visits to names. A capture of one direction has no questions; there every answer is
 * taken.
 */
static void names(struct concluding *e, const struct packet *p, struct bytes message)
{
	bool fresh, multicast = p->sport == 5353 || p->sport == 5355;
	struct addr src = flow_packet_src(p), dst = flow_packet_dst(p);
	struct naming x = { e->darknet, src };
	const uint8_t *head = bytes_need(message, 0, 4);
	if (!head)
		return;
	if (p->dport == 53 && !(head[2] & 0x80))
		(void)idmap_take(&e->questions, question_key(&src, &dst, p->sport, load_be16(head)), &fresh);
	if ((p->sport != 53 && !multicast) || !(head[2] & 0x80))
		return;
	if (!multicast && e->questions.n &&
		idmap_find(&e->questions, question_key(&dst, &src, p->dport, load_be16(head))) == IDMAP_NONE)
		return;
	(void)dns_addresses(message, name, &x);
}

/* ICMP errors (RFC 792: 3, 4, 5, 11, 12; RFC 4443: 1 to 4) carry the packet that caused them. */
static bool is_error(const struct packet *p)
{
	if (p->proto == PROTO_ICMPV6)
		return p->sport >= 1 && p->sport <= 4;
	return p->sport < 16 && (1u << p->sport & (1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 12)) != 0;
}

/* The destination port of a quoted packet whose transport header is there by eight octets only. */
static uint16_t quoted_port(struct bytes ip, const struct packet *in)
{
	size_t header = in->layer == LAYER_IP4 ? (size_t)(ip.p[0] & 15) * 4 : 40;
	const uint8_t *ports = bytes_need(ip, header, 4);
	return ports && (in->proto == PROTO_TCP || in->proto == PROTO_UDP) ? load_be16(ports + 2) : 0;
}

static void quote(struct concluding *e, const struct packet *p, int64_t ns)
{
	struct packet in;
	struct bytes inner = bytes_from(p->payload, 4);
	if (e->dark.n == 0 || !is_error(p))
		return;
	packet_decode_ip(p->proto == PROTO_ICMP ? ETHER_IPV4 : ETHER_IPV6, inner, &in);
	if (in.layer > LAYER_IP6)
		return;
	struct darknet_quote q = {
		.ns = ns,
		.reporter = flow_packet_src(p),
		.to = flow_packet_dst(p),
		.quoted = flow_packet_dst(&in),
		.quoted_port = quoted_port(inner, &in),
		.quoted_proto = in.proto,
		.type = (uint8_t)p->sport,
		.code = (uint8_t)p->dport,
	};
	darknet_quote(e->darknet, &q);
}

static void on_packet(void *arg, const struct packet *p, int64_t ns)
{
	struct concluding *e = arg;
	sample(e, p, ns);
	if (p->cls == CLASS_UDP && e->dark.n == 0)
		names(e, p, p->payload);
	else if (p->cls <= CLASS_TCP_OTHER && p->payload.n > 2 && e->dark.n == 0)
		names(e, p, bytes_from(p->payload, 2));
	else if (p->cls == CLASS_ICMP)
		quote(e, p, ns);
}

static void on_flow(void *arg, const struct flow *f, bool late)
{
	struct concluding *e = arg;
	if (late)
		darknet_late(e->darknet, f);
	else
		darknet_flow(e->darknet, f);
	if (e->tally)
		tally_flow(e->tally, f);
}

static void on_source(void *arg, const struct source *s)
{
	struct concluding *e = arg;
	darknet_source(e->darknet, s);
}

static void on_minute(void *arg, int64_t minute_ns)
{
	struct concluding *e = arg;
	(void)minute_ns;
	darknet_minute(e->darknet);
}

struct telescope_sink concluding_sink(struct concluding *e)
{
	return (struct telescope_sink){
		.arg = e, .flow = on_flow, .source = on_source, .minute = on_minute, .packet = on_packet
	};
}

static void on_counted(void *arg, const struct flow *f, bool late)
{
	struct concluding *e = arg;
	(void)late;
	if (e->tally)
		tally_flow(e->tally, f);
}

struct telescope_sink concluding_counting(struct concluding *e)
{
	return (struct telescope_sink){ .arg = e, .flow = on_counted };
}

struct darknet *concluding_darknet(struct concluding *e)
{
	return e->darknet;
}

static int64_t zone(void *arg, int64_t ns)
{
	(void)arg;
	return zone_offset_s(ns);
}

static const char *tally_place(void *arg, enum tally_by by, const struct addr *a)
{
	struct concluding *e = arg;
	return knowing_key(&e->knows, by == TALLY_AS, a);
}

static bool leave_out(void *arg, const struct addr *a, int64_t ns)
{
	struct concluding *e = arg;
	return e->no_research && knowing_research(&e->knows, a, ns);
}

struct tally *concluding_tally(struct concluding *e, uint64_t seed, unsigned only, bool no_days)
{
	struct tally_params p = { .seed = seed,
		.offset_s = zone,
		.place = tally_place,
		.leave_out = leave_out,
		.arg = e,
		.only = only,
		.no_days = no_days };
	e->tally = tally_new(&p);
	return e->tally;
}

/* "scan,backscatter" */
static bool listed(const char *kinds, const char *kind)
{
	size_t n = strlen(kind);
	for (const char *at = kinds; (at = strstr(at, kind)); at += n)
		if ((at == kinds || at[-1] == ',') && (at[n] == 0 || at[n] == ','))
			return true;
	return false;
}

bool concluding_shows(const struct concluding *e, const struct finding *f)
{
	if (e->kinds && !listed(e->kinds, finding_kind_name(f->kind)))
		return false;
	return !e->no_research || strncmp(f->detail, "research", 8) != 0;
}
