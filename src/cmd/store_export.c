// SPDX-License-Identifier: Apache-2.0
/* store export: records for other programs, as JSON lines or CSV. */
#include "base/json.h"
#include "base/zone.h"
#include "cmd/run.h"
#include "cmd/store.h"
#include "model/gap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct exporting {
	struct json j;
	bool csv;
	int64_t from_ns, to_ns;
	uint64_t broken;
};

static int export_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct exporting *x = arg;
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	for (size_t i = 0; i < n; i++) {
		const struct flow *f = &flows[i];
		const char *cls = packet_class_name((enum packet_class)f->cls);
		addr_text(src, &f->src);
		addr_text(dst, &f->dst);
		if (x->csv) {
			printf("%s,%s,%s,%u,%u,%u,%u,%u,%u,%" PRIu64 ",%" PRIu64 ",%s,%u,%" PRId64 ",%" PRId64 "\n",
				h->sensor, src, dst, f->sport, f->dport, f->proto, f->ttl, f->tcp_flags, f->ip_len,
				f->packets, f->bytes, cls, f->tags, f->first_ns, f->last_ns);
			continue;
		}
		json_object(&x->j, NULL);
		json_str(&x->j, "sensor", h->sensor);
		json_str(&x->j, "src", src);
		json_str(&x->j, "dst", dst);
		json_u64(&x->j, "sport", f->sport);
		json_u64(&x->j, "dport", f->dport);
		json_u64(&x->j, "protocol", f->proto);
		json_u64(&x->j, "ttl", f->ttl);
		json_u64(&x->j, "tcp_flags", f->tcp_flags);
		json_u64(&x->j, "ip_len", f->ip_len);
		json_u64(&x->j, "packets", f->packets);
		json_u64(&x->j, "bytes", f->bytes);
		json_str(&x->j, "class", cls);
		json_u64(&x->j, "tags", f->tags);
		json_i64(&x->j, "first_ns", f->first_ns);
		json_i64(&x->j, "last_ns", f->last_ns);
		json_end(&x->j, '}');
		json_line(&x->j);
	}
	return ferror(stdout);
}

static void broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct exporting *x = arg;
	x->broken++;
	fprintf(stderr, "sakimori store: %s: at octet %" PRIu64 ": %" PRIu64 " octets passed over: %s\n", file, offset,
		octets, reason);
}

static int export_source(void *arg, const char *sensor, const struct source *s)
{
	struct exporting *x = arg;
	char addr[ADDR_TEXT_MAX];
	addr_text(addr, &s->addr);
	if (x->csv) {
		printf("%s,%s,%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%u,%u,%u,%" PRId64 ",%" PRId64 "\n", sensor, addr,
			s->minute, s->packets, s->bytes, s->syns, s->targets, s->ports, s->first_ns, s->last_ns);
		return ferror(stdout);
	}
	json_object(&x->j, NULL);
	json_str(&x->j, "sensor", sensor);
	json_str(&x->j, "addr", addr);
	json_i64(&x->j, "minute", s->minute);
	json_u64(&x->j, "packets", s->packets);
	json_u64(&x->j, "bytes", s->bytes);
	json_u64(&x->j, "syns", s->syns);
	json_u64(&x->j, "targets", s->targets);
	json_u64(&x->j, "ports", s->ports);
	json_i64(&x->j, "first_ns", s->first_ns);
	json_i64(&x->j, "last_ns", s->last_ns);
	json_object(&x->j, "packets_by_class");
	for (int k = 0; k < CLASS_N; k++)
		if (s->by_class[k])
			json_u64(&x->j, packet_class_name((enum packet_class)k), s->by_class[k]);
	json_end(&x->j, '}');
	json_end(&x->j, '}');
	json_line(&x->j);
	return ferror(stdout);
}

/* A text from outside as a cell: quoted, and no formula. */
static void cell(const char *text)
{
	putchar('"');
	if (strchr("=+-@\t\r", text[0]) && text[0])
		putchar('\'');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static int export_finding(void *arg, const struct finding *f)
{
	struct exporting *x = arg;
	if (!x->csv) {
		finding_json(&x->j, NULL, f);
		json_line(&x->j);
		return ferror(stdout);
	}
	printf("%s,%s,", f->id, finding_kind_name(f->kind));
	cell(f->subject);
	putchar(',');
	cell(f->sensor);
	printf(",%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%s,%d,%" PRId64 ",%" PRId64 ",", f->tool ? f->tool : "",
		f->packets, f->targets, f->ports, f->confidence, f->severity ? f->severity : "", f->spoofable,
		f->first_ns, f->last_ns);
	cell(f->detail);
	putchar('\n');
	return ferror(stdout);
}

static int export_signal(void *arg, const struct signal *s)
{
	struct exporting *x = arg;
	if (!x->csv) {
		signal_json(&x->j, NULL, s);
		json_line(&x->j);
		return ferror(stdout);
	}
	printf("%" PRId64 ",", s->at_ns);
	cell(s->sensor);
	printf(",%s,%s,%" PRIu64 ",%" PRIu64 "\n", s->source, s->kind, s->value, s->threshold);
	return ferror(stdout);
}

static int export_gap(void *arg, const void *record)
{
	struct exporting *x = arg;
	const struct gap *g = record;
	if (g->to_ns < x->from_ns || g->from_ns >= x->to_ns)
		return 0;
	if (!x->csv) {
		row_json(&x->j, NULL, &gap_kind, g);
		json_line(&x->j);
		return ferror(stdout);
	}
	cell(g->sensor);
	printf(",%" PRId64 ",%" PRId64 ",", g->from_ns, g->to_ns);
	cell(g->reason);
	printf(",%" PRIu64 "\n", g->dropped);
	return ferror(stdout);
}

static int flows(struct store *s, struct exporting *x, struct err *err)
{
	struct store_scan scan = {
		.from_ns = x->from_ns, .to_ns = x->to_ns, .fn = export_flows, .broken = broken, .arg = x
	};
	return store_scan_flows(s, &scan, err);
}

static int sources(struct store *s, struct exporting *x, struct err *err)
{
	return store_each_source(s, x->from_ns, x->to_ns, NULL, export_source, x);
}

static int findings(struct store *s, struct exporting *x, struct err *err)
{
	return store_each_finding(s, x->from_ns, x->to_ns, export_finding, x);
}

static int signals(struct store *s, struct exporting *x, struct err *err)
{
	return store_each_signal(s, x->from_ns, x->to_ns, export_signal, x);
}

static int gaps(struct store *s, struct exporting *x, struct err *err)
{
	return store_each(s, &gap_kind, export_gap, x, err);
}

static const struct what {
	const char *name, *csv;
	int (*run)(struct store *s, struct exporting *x, struct err *err);
} whats[] = {
	{ "flows", "sensor,src,dst,sport,dport,protocol,ttl,tcp_flags,ip_len,packets,bytes,class,tags,first_ns,last_ns",
		flows },
	{ "sources", "sensor,addr,minute,packets,bytes,syns,targets,ports,first_ns,last_ns", sources },
	{ "findings",
		"id,kind,subject,sensor,tool,packets,targets,ports,confidence,severity,spoofable,first_ns,last_ns,"
		"detail",
		findings },
	{ "signals", "at_ns,sensor,source,kind,value,threshold", signals },
	{ "gaps", "sensor,from_ns,to_ns,reason,dropped", gaps },
};

int store_export(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct store_options *o = options;
	struct exporting x = { .csv = o->csv, .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	const struct what *what = NULL;
	struct err err = { "" };
	int code;
	for (size_t i = 0; i < sizeof whats / sizeof *whats; i++)
		if (strcmp(argv[0], whats[i].name) == 0)
			what = &whats[i];
	if (!what)
		return store_complain("export takes one of flows, findings, signals, sources, gaps", CLI_USAGE);
	if (o->tz && zone_set(o->tz, &err))
		return store_complain(err.text, CLI_USAGE);
	if ((o->from && run_time(o->from, &x.from_ns) < 0) || (o->to && run_time(o->to, &x.to_ns) < 0))
		return store_complain(
			"--from and --to take RFC 3339, a date, seconds since 1970, now or now-24h", CLI_USAGE);
	struct store *s = store_open_for(g, STORE_READ, &code);
	if (!s)
		return code;
	json_init(&x.j, stdout);
	if (x.csv)
		puts(what->csv);
	int rc = what->run(s, &x, &err);
	store_close(s);
	if (rc)
		return store_complain(err.text[0] ? err.text : "the store can't be read", CLI_FAILED);
	return x.broken ? CLI_FAILED : CLI_DONE;
}
