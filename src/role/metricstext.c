// SPDX-License-Identifier: Apache-2.0
#include "role/metricstext.h"

#include "base/text.h"
#include <inttypes.h>
#include <string.h>

#define PREFIX "sakimori_"

struct family {
	char name[96]; /* with the prefix, without _total */
	const char *suffix;
	bool seconds; /* the value is in nanoseconds */
	bool zero;    /* 0 is a value, not "unknown" */
};

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), k = strlen(with);
	return n >= k && strcmp(s + n - k, with) == 0;
}

static void head(FILE *out, const struct family *f, const char *type, const char *help)
{
	fprintf(out, "# TYPE %s %s\n", f->name, type);
	if (ends(f->name, "_seconds"))
		fprintf(out, "# UNIT %s seconds\n", f->name);
	else if (ends(f->name, "_bytes"))
		fprintf(out, "# UNIT %s bytes\n", f->name);
	fprintf(out, "# HELP %s %s.\n", f->name, help);
}

/* Names are tamed already; here only what the format itself minds. */
static void quoted(FILE *out, const char *text)
{
	size_t step;
	for (const char *s = text; *s; s += step) {
		step = text_utf8_length(s, strlen(s));
		if (!step) {
			fputs("\xef\xbf\xbd", out);
			step = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (*s == '\n') {
			fputs("\\n", out);
		} else {
			fwrite(s, 1, step, out);
		}
	}
}

static void labels(FILE *out, const struct status_page *p, const char *more, const char *value)
{
	fputs("{role=\"", out);
	quoted(out, roles[p->role].name);
	if (p->sensor) {
		fputs("\",sensor=\"", out);
		quoted(out, p->sensor);
	}
	if (more) {
		fprintf(out, "\",%s=\"", more);
		quoted(out, value);
	}
	fputs("\"} ", out);
}

static void sample(FILE *out, const struct family *f, const struct status_page *p, int64_t v)
{
	if (!v && !f->zero)
		return;
	fprintf(out, "%s%s", f->name, f->suffix);
	labels(out, p, NULL, NULL);
	uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	const char *sign = v < 0 ? "-" : "";
	if (f->seconds)
		fprintf(out, "%s%" PRIu64 ".%09" PRIu64 "\n", sign, size / 1000000000, size % 1000000000);
	else
		fprintf(out, "%s%" PRIu64 "\n", sign, size);
}

static void write_counter(FILE *out, const struct status *s, enum counter k)
{
	const struct counter_row *row = &counter_rows[k];
	size_t n = strlen(row->name);
	struct family f = { .suffix = row->gauge ? "" : "_total" };
	bool nano = ends(row->name, "_nanoseconds"), stamp = ends(row->name, "_timestamp_seconds");
	bool any = false;
	if (nano)
		n -= strlen("nanoseconds");
	snprintf(f.name, sizeof f.name, PREFIX "%.*s%s", (int)n, row->name, nano ? "seconds" : "");
	f.seconds = nano || stamp;
	f.zero = !stamp;
	for (size_t i = 0; i < s->n; i++) {
		if (!(row->roles & 1u << s->v[i].role))
			continue;
		if (!any)
			head(out, &f, row->gauge ? "gauge" : "counter", row->help);
		any = true;
		/* Only a gauge may be below 0; a counter beyond the half is its role's lie. */
		int64_t v = (int64_t)counters_get(&s->v[i].c, k);
		sample(out, &f, &s->v[i], v < 0 && !row->gauge ? INT64_MAX : v);
	}
}

static int64_t up_of(const struct status_page *p)
{
	unsigned state = atomic_load(&p->c.state);
	return state == STATE_RUNNING || state == STATE_DONE;
}

static int64_t restarts_of(const struct status_page *p)
{
	return atomic_load(&p->c.restarts);
}

static int64_t resident_of(const struct status_page *p)
{
	return atomic_load(&p->c.pid) ? (int64_t)atomic_load(&p->c.resident) : 0;
}

static int64_t started_of(const struct status_page *p)
{
	int64_t at = atomic_load(&p->c.started_ns);
	return at > 0 ? at : 0;
}

static const struct {
	struct family f;
	const char *type, *help;
	int64_t (*get)(const struct status_page *p);
} own[] = {
	{ { PREFIX "up", "", false, true }, "gauge", "1 while the role runs, or is done with all there was to do",
		up_of },
	{ { PREFIX "restarts", "_total", false, true }, "counter", "Unexpected ends of the role", restarts_of },
	{ { PREFIX "resident_memory_bytes", "", false, false }, "gauge", "Resident memory of the role", resident_of },
	{ { PREFIX "start_time_seconds", "", true, false }, "gauge", "When the role's process began", started_of },
};

/* The list of last times in a page: by dark prefix in those of sensors, by sensor elsewhere in the keeper's. */
static void write_lasts(FILE *out, const struct status *s, enum role_id role, const char *name, const char *help)
{
	struct family f = { .suffix = "" };
	bool any = false;
	snprintf(f.name, sizeof f.name, PREFIX "%s", name);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; s->v[i].role == role && k < s->v[i].c.prefixes_n; k++) {
			int64_t ns = atomic_load(&s->v[i].c.prefix_last_ns[k]);
			if (ns <= 0)
				continue;
			if (!any)
				head(out, &f, "gauge", help);
			any = true;
			fputs(f.name, out);
			labels(out, &s->v[i], role == ROLE_CAPTURE ? "prefix" : "sensor", s->v[i].c.prefix[k]);
			fprintf(out, "%" PRId64 ".%09" PRId64 "\n", ns / 1000000000, ns % 1000000000);
		}
}

void metricstext_write(FILE *out, const struct status *s)
{
	struct family build = { .name = PREFIX "build" };
	head(out, &build, "info", "The program");
	fprintf(out, "%s_info{version=\"%s\"} 1\n", build.name, SAKIMORI_VERSION);
	for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
		head(out, &own[k].f, own[k].type, own[k].help);
		if (s->daemon != STATUS_NEVER)
			sample(out, &own[k].f, &s->supervisor, own[k].get(&s->supervisor));
		for (size_t i = 0; i < s->n; i++)
			sample(out, &own[k].f, &s->v[i], own[k].get(&s->v[i]));
	}
	for (size_t k = 0; k < COUNTER_N; k++)
		write_counter(out, s, (enum counter)k);
	write_lasts(out, s, ROLE_CAPTURE, "dark_prefix_last_packet_timestamp_seconds",
		"When the last packet to a dark prefix came");
	write_lasts(out, s, ROLE_KEEPER, "peer_last_batch_timestamp_seconds",
		"When the last batch of a sensor of another machine came");
	fputs("# EOF\n", out);
}
