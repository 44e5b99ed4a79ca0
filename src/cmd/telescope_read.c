// SPDX-License-Identifier: Apache-2.0
/* telescope read: one capture or many as one object: what came, in which class, from how many. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "cmd/inputs.h"

#include <inttypes.h>
#include <stdio.h>

struct reading {
	struct feed *feed;
	struct telescope_counts counts;
	bool decoded;		/* every link type in use is one we decode */
	size_t n_types;
	uint64_t undecoded;
};

static void see_type(void *arg, int type, uint64_t packets)
{
	struct reading *r = arg;
	r->n_types++;
	if (!link_known(type)) {
		r->undecoded += packets;
		if (packets || r->n_types == 1)
			r->decoded = false;
	} else if (r->n_types == 1) {
		r->decoded = true;
	}
}

static void type_json(void *arg, int type, uint64_t packets)
{
	char key[16];
	snprintf(key, sizeof key, "%d", type);
	json_u64(arg, key, packets);
}

static void maybe(struct json *j, const char *key, bool known, uint64_t n)
{
	if (known)
		json_u64(j, key, n);
	else
		json_null(j, key);
}

static void classes_json(struct json *j, const struct reading *r)
{
	const struct telescope_counts *c = &r->counts;
	json_object(j, "classes");
	for (int k = 0; k < CLASS_SHORT; k++)
		maybe(j, packet_class_name(k), r->decoded, c->classes[k]);
	json_end(j, '}');
	json_object(j, "layers");
	for (int k = 0; k < LAYER_UNKNOWN; k++)
		maybe(j, packet_layer_name(k), r->decoded, c->layers[k]);
	maybe(j, "short", r->decoded, c->classes[CLASS_SHORT]);
	maybe(j, "frag", r->decoded, c->classes[CLASS_FRAG] - c->frag6);
	maybe(j, "frag6", r->decoded, c->frag6);
	maybe(j, "vlan", r->decoded, c->vlan);
	json_u64(j, "undecoded", r->undecoded);
	json_end(j, '}');
}

/* A time after 2262 needs more than 64 bits of nanoseconds: printed from seconds. */
static void last_json(struct json *j, const struct inputs *in, int64_t last_ns)
{
	const struct feed_file *far = NULL;
	char digits[48];
	for (size_t i = 0; i < in->n; i++) {
		const struct feed_file *f = &in->items[i].file;
		if (f->far && (!far || f->far_s > far->far_s || (f->far_s == far->far_s && f->far_ns > far->far_ns)))
			far = f;
	}
	if (!far) {
		json_i64(j, "last_ns", last_ns);
		return;
	}
	snprintf(digits, sizeof digits, "%" PRId64 "%09" PRIu32, far->far_s, far->far_ns);
	json_digits(j, "last_ns", digits);
}

static void head_json(struct json *j, const struct inputs *in, struct reading *r)
{
	const struct telescope_counts *c = &r->counts;
	json_u64(j, "files", in->n - in->failed);
	json_u64(j, "packets", c->packets);
	json_u64(j, "bytes", c->bytes);
	json_u64(j, "captured", c->captured);
	if (c->timed) {
		json_time(j, "first", c->first_ns);
		json_time(j, "last", c->last_ns);
		json_i64(j, "first_ns", c->first_ns);
		last_json(j, in, c->last_ns);
	} else {
		json_null(j, "first");
		json_null(j, "last");
		json_null(j, "first_ns");
		json_null(j, "last_ns");
	}
	json_object(j, "link_types");
	feed_each_linktype(r->feed, type_json, j);
	json_end(j, '}');
	classes_json(j, r);
	inputs_json(in, j);
}

static void sources_json(struct json *j, const struct reading *r)
{
	bool exact = true;
	json_object(j, "sources");
	for (int ip6 = 0; ip6 < 2; ip6++) {
		uint64_t n = feed_distinct(r->feed, ip6, &exact);
		maybe(j, ip6 ? "distinct6" : "distinct4", r->decoded, n);
	}
	json_bool(j, "exact", exact && r->counts.sources_lost == 0);
	json_array(j, "top");
	json_end(j, ']');
	json_end(j, '}');
}

static void print_json(const struct inputs *in, struct reading *r)
{
	struct json j;
	json_init(&j, stdout);
	json_object(&j, NULL);
	head_json(&j, in, r);
	sources_json(&j, r);
	json_end(&j, '}');
	json_line(&j);
}

int telescope_read(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	struct inputs in;
	struct input_options io = { .no_map = o->no_map };
	struct feed_params fp = { .workers = (unsigned)o->workers, .telescope = { .count_only = true, .seed = random_key() } };
	inputs_open(&in, argv, argc, &io);
	in.progress = in.progress && !g->quiet;
	struct reading r = { .feed = feed_new(&fp) };
	inputs_feed(&in, r.feed);
	r.counts = feed_counts(r.feed);
	feed_each_linktype(r.feed, see_type, &r);
	print_json(&in, &r);
	int code = inputs_exit(&in);
	feed_free(r.feed);
	inputs_close(&in);
	return code;
}
