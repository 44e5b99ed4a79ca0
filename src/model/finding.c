// SPDX-License-Identifier: Apache-2.0
#include "model/finding.h"

#include "base/random.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const kind_names[FINDING_KIND_N] = { "scan", "scan-type", "backscatter", "amplification",
	"icmp-quote", "port-new", "port-surge", "own-watch", "own-suspect", "own-attacked" };
static const char *const shape_names[] = { NULL, "horizontal", "vertical", "block" };

const char *finding_kind_name(enum finding_kind k)
{
	return kind_names[k];
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = random_mix(h ^ (uint8_t)*s) + 0x9e3779b97f4a7c15u;
	return random_mix(h ^ 0x1f);
}

void finding_identify(struct finding *f)
{
	uint64_t half[2] = { 0x73616b696d6f7269u, 0x66696e64696e6773u };
	for (int i = 0; i < 2; i++) {
		half[i] = hash_text(half[i], kind_names[f->kind]);
		half[i] = hash_text(half[i], f->subject);
		half[i] = hash_text(half[i], f->sensor);
		half[i] = random_mix(half[i] ^ (uint64_t)f->first_ns);
	}
	snprintf(f->id, sizeof f->id, "%016" PRIx64 "%016" PRIx64, half[0], half[1]);
}

void finding_add_count(struct finding *f, const char *name, uint64_t n)
{
	if (f->counts_n == FINDING_COUNTS)
		return;
	struct finding_count *c = &f->counts[f->counts_n++];
	snprintf(c->name, sizeof c->name, "%s", name);
	c->n = n;
}

static void optional(struct json *j, const char *key, bool has, uint64_t n)
{
	if (has)
		json_u64(j, key, n);
	else
		json_null(j, key);
}

static void counts(struct json *j, const char *key, const struct finding_count *c, uint32_t n)
{
	json_object(j, key);
	for (uint32_t i = 0; i < n; i++)
		json_u64(j, c[i].name, c[i].n);
	json_end(j, '}');
}

void finding_sample_json(struct json *j, const struct finding_sample *s)
{
	char text[ADDR_TEXT_MAX];
	json_object(j, NULL);
	json_i64(j, "ns", s->ns);
	json_str(j, "src", addr_text(text, &s->src));
	json_u64(j, "sport", s->sport);
	json_str(j, "dst", addr_text(text, &s->dst));
	json_u64(j, "dport", s->dport);
	json_u64(j, "proto", s->proto);
	if (s->head_len)
		json_hex(j, "head", s->head, s->head_len);
	else
		json_null(j, "head");
	json_end(j, '}');
}

static void ports(struct json *j, const struct finding *f)
{
	json_array(j, "port_list");
	for (uint32_t i = 0; i < f->port_list_n; i++)
		json_u64(j, NULL, f->port_list[i]);
	json_end(j, ']');
	json_array(j, "top_ports");
	for (uint32_t i = 0; i < f->top_ports_n; i++)
		json_u64(j, NULL, strtoull(f->top_ports[i].name, NULL, 10));
	json_end(j, ']');
}

static void place(struct json *j, const struct location *p)
{
	json_str(j, "country", p->country[0] ? p->country : NULL);
	optional(j, "asn", p->has_asn, p->asn);
	json_str(j, "as_name", p->as_name[0] ? p->as_name : NULL);
	if (!p->city[0] && !p->has_position) {
		json_null(j, "place");
		return;
	}
	json_object(j, "place");
	json_str(j, "city", p->city[0] ? p->city : NULL);
	if (p->has_position) {
		json_double(j, "latitude", p->latitude);
		json_double(j, "longitude", p->longitude);
	} else {
		json_null(j, "latitude");
		json_null(j, "longitude");
	}
	json_end(j, '}');
}

void finding_json_fields(struct json *j, const struct finding *f)
{
	json_str(j, "id", f->id);
	json_str(j, "kind", kind_names[f->kind]);
	json_str(j, "subject", f->subject);
	json_str(j, "sensor", f->sensor);
	json_str(j, "tool", f->tool);
	json_str(j, "shape", shape_names[f->shape]);
	json_u64(j, "packets", f->packets);
	optional(j, "targets", f->has_targets, f->targets);
	optional(j, "ports", f->has_ports, f->ports);
	ports(j, f);
	counts(j, "packets_by_flags", f->by_flags, f->by_flags_n);
	optional(j, "destinations", f->has_destinations, f->destinations);
	optional(j, "sources", f->has_sources, f->sources);
	json_time(j, "first", f->first_ns);
	json_i64(j, "first_ns", f->first_ns);
	json_time(j, "last", f->last_ns);
	json_i64(j, "last_ns", f->last_ns);
	json_u64(j, "confidence", f->confidence);
	json_str(j, "severity", f->severity);
	json_bool(j, "spoofable", f->spoofable);
	place(j, &f->place);
	json_str(j, "detail", f->detail[0] ? f->detail : NULL);
	json_array(j, "samples");
	for (uint32_t i = 0; i < f->samples_n; i++)
		finding_sample_json(j, &f->samples[i]);
	json_end(j, ']');
	counts(j, "counts", f->counts, f->counts_n);
}

void finding_json(struct json *j, const char *key, const struct finding *f)
{
	json_object(j, key);
	finding_json_fields(j, f);
	json_end(j, '}');
}

const char *finding_word(const char *word)
{
	static const char *const known[] = { "none", "zmap", "masscan", "mirai", "telnet-bot", "nmap", "constant-key",
		"info", "low", "medium", "high" };
	for (size_t i = 0; word && i < sizeof known / sizeof *known; i++)
		if (strcmp(word, known[i]) == 0)
			return known[i];
	return NULL;
}
