// SPDX-License-Identifier: Apache-2.0
#include "view/summary.h"

#include "base/err.h"
#include "base/mem.h"
#include "view/dark.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *key;
	unsigned kinds;
} lists[SUMMARY_LISTS] = {
	{ "scanners", 1u << FINDING_SCAN },
	{ "backscatter", 1u << FINDING_BACKSCATTER },
	{ "amplification", 1u << FINDING_AMPLIFICATION },
	{ "icmp_quotes", 1u << FINDING_ICMP_QUOTE },
	{ "own_suspects", 1u << FINDING_OWN_WATCH | 1u << FINDING_OWN_SUSPECT | 1u << FINDING_OWN_ATTACKED },
};

static int list_of(const struct finding *f)
{
	for (int i = 0; i < SUMMARY_LISTS; i++)
		if (lists[i].kinds >> f->kind & 1)
			return i;
	return -1;
}

bool summary_shows(const struct finding *f)
{
	return list_of(f) >= 0;
}

/* Findings are kept as text: a twentieth of what the structs would take. */
void summary_start(struct summary *s)
{
	for (int i = 0; i < SUMMARY_LISTS; i++) {
		struct summary_list *l = &s->lists[i];
		l->out = open_memstream(&l->text, &l->n);
		ENSURE(l->out);
		json_init(&l->j, l->out);
		json_array(&l->j, NULL);
	}
	s->findings = s->findings_left_out = 0;
}

void summary_free(struct summary *s)
{
	for (int i = 0; i < SUMMARY_LISTS; i++) {
		if (s->lists[i].out)
			fclose(s->lists[i].out);
		free(s->lists[i].text);
		s->lists[i] = (struct summary_list){ 0 };
	}
}

void summary_finding(struct summary *s, const struct finding *f)
{
	int i = list_of(f);
	if (i < 0 || (s->no_research && strncmp(f->detail, "research", 8) == 0))
		return;
	if (s->findings == SUMMARY_FINDINGS) {
		s->findings_left_out++;
		return;
	}
	s->findings++;
	if (!s->as) {
		finding_json(&s->lists[i].j, NULL, f);
		return;
	}
	struct finding *copy = mem_new(sizeof *copy);
	*copy = *f;
	dark_mask_finding(s->as, copy);
	finding_json(&s->lists[i].j, NULL, copy);
	free(copy);
}

static void maybe(struct json *j, const char *key, bool known, uint64_t n)
{
	if (known)
		json_u64(j, key, n);
	else
		json_null(j, key);
}

static void classes_json(struct json *j, const struct summary *s)
{
	const struct telescope_counts *c = s->counts;
	json_object(j, "classes");
	for (int k = 0; k < CLASS_SHORT; k++)
		maybe(j, packet_class_name((enum packet_class)k), s->decoded, c->classes[k]);
	json_end(j, '}');
	json_object(j, "layers");
	for (int k = 0; k < LAYER_UNKNOWN; k++)
		maybe(j, packet_layer_name((enum packet_layer)k), s->decoded, c->layers[k]);
	maybe(j, "short", s->decoded, c->classes[CLASS_SHORT]);
	maybe(j, "frag", s->decoded, c->classes[CLASS_FRAG] - c->frag6);
	maybe(j, "frag6", s->decoded, c->frag6);
	maybe(j, "vlan", s->decoded, c->vlan);
	json_u64(j, "undecoded", s->undecoded);
	json_end(j, '}');
}

static void times_json(struct json *j, const struct summary *s)
{
	const struct telescope_counts *c = s->counts;
	if (!c->timed) {
		json_null(j, "first");
		json_null(j, "last");
		json_null(j, "first_ns");
		json_null(j, "last_ns");
		return;
	}
	json_time(j, "first", c->first_ns);
	json_time(j, "last", c->last_ns);
	json_i64(j, "first_ns", c->first_ns);
	if (s->last_digits)
		json_digits(j, "last_ns", s->last_digits);
	else
		json_i64(j, "last_ns", c->last_ns);
}

static void head_json(struct json *j, const struct summary *s)
{
	const struct telescope_counts *c = s->counts;
	json_u64(j, "files", s->files);
	json_u64(j, "packets", c->packets);
	maybe(j, "bytes", s->wire, c->bytes);
	maybe(j, "captured", s->wire, c->captured);
	times_json(j, s);
	json_object(j, "link_types");
	if (s->link_types)
		s->link_types(s->arg, j);
	json_end(j, '}');
	classes_json(j, s);
	if (s->inputs) {
		s->inputs(s->arg, j);
		return;
	}
	json_array(j, "truncated");
	json_end(j, ']');
	json_u64(j, "drops", 0);
	json_u64(j, "oddities", 0);
}

static void source_row(void *arg, const struct tally_row *row)
{
	struct json *j = arg;
	json_object(j, NULL);
	json_str(j, "address", row->key);
	json_u64(j, "packets", row->packets);
	json_u64(j, "targets", row->sources);
	json_end(j, '}');
}

static void port_row(void *arg, const struct tally_row *row)
{
	struct json *j = arg;
	json_object(j, NULL);
	json_u64(j, "port", strtoull(row->key, NULL, 10));
	json_str(j, "proto", strchr(row->key, '/') + 1);
	json_u64(j, "packets", row->packets);
	json_u64(j, "sources", row->sources);
	json_end(j, '}');
}

static void sources_json(struct json *j, const struct summary *s)
{
	json_object(j, "sources");
	for (int ip6 = 0; ip6 < 2; ip6++)
		maybe(j, ip6 ? "distinct6" : "distinct4", s->has_distinct, s->distinct[ip6]);
	json_bool(j, "exact", s->exact);
	json_array(j, "top");
	if (s->tally)
		tally_top(s->tally, TALLY_SOURCE, s->rows, source_row, j);
	json_end(j, ']');
	json_end(j, '}');
	json_object(j, "ports");
	json_array(j, "top");
	if (s->tally)
		tally_top(s->tally, TALLY_PORT, s->rows, port_row, j);
	json_end(j, ']');
	json_end(j, '}');
}

static void tail_json(struct json *j, const struct summary *s)
{
	const struct telescope_counts *c = s->counts;
	uint64_t packets = 0, sources = 0;
	if (s->tally)
		tally_left_out(s->tally, &packets, &sources);
	json_u64(j, "findings_left_out", s->findings_left_out);
	json_u64(j, "late", c->late);
	json_u64(j, "folded", c->folded);
	json_u64(j, "flows_lost", c->flows_lost);
	json_u64(j, "sources_lost", c->sources_lost);
	json_u64(j, "analysis_refused", s->refused);
	json_object(j, "left_out");
	json_u64(j, "packets", packets);
	json_u64(j, "sources", sources);
	json_end(j, '}');
}

void summary_json(struct summary *s, FILE *out)
{
	struct json j;
	json_init(&j, out);
	json_object(&j, NULL);
	head_json(&j, s);
	sources_json(&j, s);
	for (int i = 0; i < SUMMARY_LISTS; i++) {
		json_end(&s->lists[i].j, ']');
		fflush(s->lists[i].out);
		/* It is JSON already. */
		json_digits(&j, lists[i].key, s->lists[i].text);
	}
	tail_json(&j, s);
	json_end(&j, '}');
	json_line(&j);
}
