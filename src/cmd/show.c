// SPDX-License-Identifier: Apache-2.0
#include "cmd/show.h"

#include "base/input.h"
#include "base/random.h"
#include "base/text.h"
#include "base/zone.h"
#include "cmd/paint.h"

#include <inttypes.h>
#include <string.h>

/* "  JP Tokyo AS64496 Example" as far as known; geography files come from outside, but their texts have no control
 * characters. */
static void where(FILE *out, const struct location *l)
{
	if (l->country[0])
		fprintf(out, "  %s", l->country);
	if (l->city[0])
		fprintf(out, " %s", l->city);
	if (l->has_asn)
		fprintf(out, "  AS%" PRIu32 " %s", l->asn, l->as_name);
}

/* "3,600 packets, 3,600 targets" */
static void amounts(FILE *out, const struct finding *f)
{
	char n[32], m[32], text[96];
	uint64_t others = f->has_targets ? f->targets : f->has_sources ? f->sources : f->destinations;
	const char *what = f->has_targets	 ? "target"
			   : f->has_sources	 ? "source"
			   : f->has_destinations ? "target"
						 : NULL;
	if (what)
		snprintf(text, sizeof text, "%s packet%s, %s %s%s", paint_number(n, f->packets),
			f->packets == 1 ? "" : "s", paint_number(m, others), what, others == 1 ? "" : "s");
	else
		snprintf(text, sizeof text, "%s packet%s", paint_number(n, f->packets), f->packets == 1 ? "" : "s");
	fprintf(out, " %-30s", text);
}

void show_finding(FILE *out, const struct finding *f)
{
	char time[TEXT_TIME_MAX], detail[512], ports[32] = "";
	size_t o = 0;
	zone_text(time, f->first_ns);
	fprintf(out, "%.8s %.16s %-12s %-15s %-12s", f->id, time, finding_kind_name(f->kind), f->subject,
		f->tool ? f->tool : "");
	amounts(out, f);
	for (uint32_t i = 0; i < f->top_ports_n && i < 3 && o < 12; i++)
		o += (size_t)snprintf(ports + o, sizeof ports - o, "%s%s", i ? "," : "", f->top_ports[i].name);
	if (f->ports > 3 && o < 28)
		snprintf(ports + o, sizeof ports - o, "...");
	fprintf(out, " %-16s %3u%% sure", ports, f->confidence);
	/* The own address in a packet may be forged: whoever acts on it must read that. */
	if (f->spoofable && f->kind >= FINDING_OWN_WATCH)
		fputs(", spoofable", out);
	if (f->detail[0] && strcmp(f->detail, "tcp") != 0)
		fprintf(out, "  %s", text_escape(detail, sizeof detail, f->detail, strlen(f->detail)));
	where(out, &f->place);
	putc('\n', out);
}

int show_zone(const char *name)
{
	struct err err = { "" };
	if (!name || zone_set(name, &err) == 0)
		return 0;
	fprintf(stderr, "sakimori: %s\n", err.text);
	return -1;
}

unsigned show_unwrap(const struct cli_list *words)
{
	unsigned bits = 0;
	for (size_t i = 0; i < words->n; i++) {
		const char *w = words->v[i];
		while (*w) {
			size_t n = strcspn(w, ",");
			if (n == 3 && strncmp(w, "gre", 3) == 0)
				bits |= UNWRAP_GRE;
			else if (n == 4 && strncmp(w, "ipip", 4) == 0)
				bits |= UNWRAP_IPIP;
			else
				fprintf(stderr, "sakimori: --unwrap knows gre and ipip, not '%.*s'\n", (int)n, w);
			w += n + (w[n] == ',');
		}
	}
	return bits;
}

uint64_t show_sender(char **paths, int n, const char *sensor)
{
	uint64_t h = 1;
	for (const char *c = sensor ? sensor : "local"; *c; c++)
		h = random_mix(h ^ (uint8_t)*c);
	for (int i = 0; i < n; i++)
		h = input_identity(paths[i], h);
	h &= INT64_MAX;
	return h ? h : 1;
}
