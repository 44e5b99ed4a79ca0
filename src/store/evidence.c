// SPDX-License-Identifier: Apache-2.0
#include "store/evidence.h"

#include "base/mem.h"
#include "model/clock.h"
#include "store/evidencetar.h"
#include "store/evidencetext.h"
#include "store/packetring.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FINDINGS_MAX 128 /* of a case; its list of ids holds no more */
#define ID_MIN	     4

struct one {
	struct finding f;
	struct packetring_found found;
	char packets_file[EVIDENCE_NAME_MAX]; /* empty: none */
};

struct making {
	const struct evidence_params *p;
	struct evidence_made *made;
	struct evidencetar *tar;
	struct one *v;
	size_t n, matches;
	struct case_record record;
	int64_t from_ns, to_ns;
	struct keys_pem signer;
	char installation[65];
	bool full; /* a file found no room */
};

/* A file of the archive, being written. */
struct page {
	char *text;
	size_t n;
	FILE *out;
	struct json j;
};

static void page_begin(struct page *p)
{
	*p = (struct page){ 0 };
	p->out = open_memstream(&p->text, &p->n);
	ENSURE(p->out);
	json_init(&p->j, p->out);
}

static void page_end(struct page *p, struct making *m, const char *name)
{
	ENSURE(fclose(p->out) == 0);
	if (!evidencetar_add(m->tar, name, p->text, p->n))
		m->full = true;
}

/* ---- what is asked for ---- */

static bool begins(const char *id, const char *with)
{
	return strncmp(id, with, strlen(with)) == 0;
}

static int take_finding(void *arg, const struct finding *f)
{
	struct making *m = arg;
	if (begins(f->id, m->p->id) && m->matches++ == 0)
		m->v[m->n++].f = *f;
	return 0;
}

static int take_case(void *arg, const void *record)
{
	struct making *m = arg;
	const struct case_record *c = record;
	if (begins(c->id, m->p->id) && m->matches++ == 0) {
		m->record = *c;
		m->made->is_case = true;
	}
	return 0;
}

static int take_of_case(void *arg, const struct finding *f)
{
	struct making *m = arg;
	const char *at = m->record.findings;
	char id[64];
	while (m->n < FINDINGS_MAX && row_list_next(&at, id, sizeof id))
		if (strcmp(id, f->id) == 0) {
			m->v[m->n++].f = *f;
			break;
		}
	return 0;
}

static int choose(struct making *m, struct err *err)
{
	if (strlen(m->p->id) < ID_MIN)
		return err_set(err, -EVIDENCE_ABSENT, "give at least %d characters of the id", ID_MIN);
	int rc = store_each_finding(m->p->store, INT64_MIN, INT64_MAX, take_finding, m);
	if (!rc)
		rc = store_each(m->p->store, &case_kind, take_case, m, err);
	if (rc)
		return err_set(err, -EVIDENCE_STORE, "the store can't be read");
	if (m->matches != 1)
		return m->matches ? err_set(err, -EVIDENCE_SEVERAL, "several ids begin with that, give more of it")
				  : err_set(err, -EVIDENCE_ABSENT, "no finding or case has that id");
	if (m->made->is_case && store_each_finding(m->p->store, INT64_MIN, INT64_MAX, take_of_case, m))
		return err_set(err, -EVIDENCE_STORE, "the store can't be read");
	snprintf(m->made->id, sizeof m->made->id, "%s", m->made->is_case ? m->record.id : m->v[0].f.id);
	m->from_ns = m->made->is_case ? m->record.opened_ns : m->v[0].f.first_ns;
	m->to_ns = m->from_ns;
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].f.first_ns < m->from_ns)
			m->from_ns = m->v[i].f.first_ns;
		if (m->v[i].f.last_ns > m->to_ns)
			m->to_ns = m->v[i].f.last_ns;
	}
	return 0;
}

/* ---- its files ---- */

/* Of one finding "packets.pcap", of a case's findings "packets-ID.pcap". */
static void name_file(
	char out[EVIDENCE_NAME_MAX], const struct making *m, const char *what, const char *id, const char *end)
{
	if (m->made->is_case)
		snprintf(out, EVIDENCE_NAME_MAX, "%s-%.32s.%s", what, id, end);
	else
		snprintf(out, EVIDENCE_NAME_MAX, "%s.%s", what, end);
}

static int read_back(int fd, uint8_t **data, size_t *n)
{
	struct stat st;
	*data = NULL;
	*n = 0;
	if (fstat(fd, &st) || st.st_size == 0)
		return -1;
	*data = mem_new((size_t)st.st_size);
	while (*n < (size_t)st.st_size) {
		ssize_t got = pread(fd, *data + *n, (size_t)st.st_size - *n, (off_t)*n);
		if (got <= 0)
			break;
		*n += (size_t)got;
	}
	if (*n == (size_t)st.st_size)
		return 0;
	free(*data);
	return -1;
}

static void add_packets(struct making *m, int dir, struct one *o)
{
	struct match match;
	uint8_t *data;
	size_t n;
	o->found.linktype = -1;
	if (dir < 0 || match_init(&match, &o->f) < 0)
		return;
	struct packetring_query q = { .sensor = o->f.sensor,
		.from_ns = o->f.first_ns,
		.to_ns = o->f.last_ns,
		.sport = -1,
		.dport = -1,
		.proto = -1,
		.match = &match,
		.max_packets = PACKETRING_PACKETS,
		.max_bytes = PACKETRING_BYTES };
	int fd = memfd_create("packets", MFD_CLOEXEC);
	if (fd < 0)
		return;
	if (packetring_find(dir, &q, o->f.id, fd, &o->found, NULL) == 0 && o->found.packets &&
		read_back(fd, &data, &n) == 0) {
		name_file(o->packets_file, m, "packets", o->f.id, "pcap");
		if (!evidencetar_add(m->tar, o->packets_file, data, n))
			o->packets_file[0] = '\0';
	}
	close(fd);
}

static void add_findings(struct making *m)
{
	int dir = packetring_dir(m->p->dir, false, NULL);
	for (size_t i = 0; i < m->n; i++) {
		struct one *o = &m->v[i];
		char name[EVIDENCE_NAME_MAX];
		struct page page;
		page_begin(&page);
		finding_json(&page.j, NULL, &o->f);
		json_line(&page.j);
		name_file(name, m, "finding", o->f.id, "json");
		page_end(&page, m, name);
		add_packets(m, dir, o);
		m->made->packets += o->packets_file[0] ? o->found.packets : 0;
		m->made->without_packets += !o->packets_file[0];
		m->made->limited += o->found.limited;
	}
	if (dir >= 0)
		close(dir);
	m->made->findings = (unsigned)m->n;
}

struct gap_page {
	struct making *m;
	struct page page;
};

static bool watches(const struct making *m, const char *sensor)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].f.sensor, sensor) == 0)
			return true;
	return false;
}

static int add_gap(void *arg, const void *record)
{
	struct gap_page *g = arg;
	const struct gap *gap = record;
	if (!watches(g->m, gap->sensor) || gap->to_ns < g->m->from_ns || gap->from_ns > g->m->to_ns)
		return 0;
	row_json(&g->page.j, NULL, &gap_kind, gap);
	json_line(&g->page.j);
	return 0;
}

struct gap_sum {
	const struct finding *f;
	uint64_t n, dropped;
};

static int sum_gap(void *arg, const void *record)
{
	struct gap_sum *s = arg;
	const struct gap *gap = record;
	if (strcmp(gap->sensor, s->f->sensor) == 0 && gap->to_ns >= s->f->first_ns && gap->from_ns <= s->f->last_ns) {
		s->n++;
		s->dropped += gap->dropped;
	}
	return 0;
}

/* One JSON object a line: what the sensor's row says, or unknown. */
struct clock_page {
	struct making *m;
	struct page page;
	uint64_t n;
	char state[16];
	const char *sensor; /* NULL: write all; else only find this one's state */
	int64_t from_ns, to_ns;
	uint64_t minutes;
};

static int add_clock(void *arg, const void *record)
{
	struct clock_page *c = arg;
	const struct sensor *s = record;
	if (c->sensor) {
		if (strcmp(s->id, c->sensor) == 0 && s->clock_state[0])
			snprintf(c->state, sizeof c->state, "%s", s->clock_state);
		return 0;
	}
	if (!watches(c->m, s->id))
		return 0;
	json_object(&c->page.j, NULL);
	json_str(&c->page.j, "sensor", s->id);
	json_str(&c->page.j, "state", s->clock_state[0] ? s->clock_state : "unknown");
	json_i64(&c->page.j, "offset_ns", s->clock_offset_ns);
	json_end(&c->page.j, '}');
	json_line(&c->page.j);
	c->n++;
	return 0;
}

/* The minutes of the time; for one sensor's state the worst of them. */
static int add_clock_minute(void *arg, const void *record)
{
	struct clock_page *c = arg;
	const struct clock_minute *k = record;
	int64_t from = k->minute * 60000000000;
	if (from + 60000000000 <= c->from_ns || from > c->to_ns)
		return 0;
	if (c->sensor) {
		bool known = strcmp(c->state, "unknown") != 0, fine = strcmp(k->state, "synchronised") == 0;
		if (strcmp(k->sensor, c->sensor) == 0 && (!c->minutes++ || (known && !fine)))
			snprintf(c->state, sizeof c->state, "%s", k->state);
	} else if (watches(c->m, k->sensor)) {
		row_json(&c->page.j, NULL, &clock_kind, k);
		json_line(&c->page.j);
		c->n++;
	}
	return 0;
}

static int add_gaps_and_clock(struct making *m, struct err *err)
{
	struct gap_page g = { .m = m };
	struct clock_page c = { .m = m, .from_ns = m->from_ns, .to_ns = m->to_ns };
	page_begin(&g.page);
	int rc = store_each(m->p->store, &gap_kind, add_gap, &g, err);
	page_end(&g.page, m, "gaps.json");
	page_begin(&c.page);
	if (!rc)
		rc = store_each(m->p->store, &sensor_kind, add_clock, &c, err);
	if (!rc)
		rc = store_each(m->p->store, &clock_kind, add_clock_minute, &c, err);
	if (!c.n) {
		json_object(&c.page.j, NULL);
		json_str(&c.page.j, "state", "unknown");
		json_end(&c.page.j, '}');
		json_line(&c.page.j);
	}
	page_end(&c.page, m, "clock.json");
	return rc ? -EVIDENCE_STORE : 0;
}

static void head_english(FILE *out, const struct making *m)
{
	fprintf(out, "EVIDENCE %s (%s)\n", m->made->id, m->made->is_case ? "case" : "finding");
	if (m->made->is_case)
		fprintf(out, "State: %s   Party: %s   Findings: %zu\n", m->record.state, m->record.party, m->n);
	fprintf(out, "Made by %s\n\n", m->p->program);
}

static void head_japanese(FILE *out, const struct making *m)
{
	fprintf(out, "証拠 %s（%s）\n", m->made->id, m->made->is_case ? "事案" : "検知");
	if (m->made->is_case)
		fprintf(out, "状態: %s　対象者: %s　検知数: %zu\n", m->record.state, m->record.party, m->n);
	fprintf(out, "作成プログラム: %s\n\n", m->p->program);
}

static int add_summaries(struct making *m, struct err *err)
{
	struct page en, ja;
	int rc = 0;
	page_begin(&en);
	page_begin(&ja);
	head_english(en.out, m);
	head_japanese(ja.out, m);
	for (size_t i = 0; i < m->n && !rc; i++) {
		const struct one *o = &m->v[i];
		struct gap_sum gaps = { .f = &o->f };
		struct clock_page clock = { .m = m,
			.state = "unknown",
			.sensor = o->f.sensor,
			.from_ns = o->f.first_ns,
			.to_ns = o->f.last_ns };
		rc = store_each(m->p->store, &gap_kind, sum_gap, &gaps, err);
		if (!rc)
			rc = store_each(m->p->store, &sensor_kind, add_clock, &clock, err);
		if (!rc)
			rc = store_each(m->p->store, &clock_kind, add_clock_minute, &clock, err);
		struct evidencetext t = { .f = &o->f,
			.packets_file = o->packets_file[0] ? o->packets_file : NULL,
			.found = o->found,
			.gaps = gaps.n,
			.dropped = gaps.dropped,
			.clock = clock.state };
		evidencetext_english(en.out, &t);
		evidencetext_japanese(ja.out, &t);
	}
	evidencetext_verify_english(en.out, m->made->key);
	evidencetext_verify_japanese(ja.out, m->made->key);
	page_end(&en, m, "summary.en.txt");
	page_end(&ja, m, "summary.ja.txt");
	return rc ? -EVIDENCE_STORE : 0;
}

static void add_record(struct making *m)
{
	struct page page;
	if (!m->made->is_case)
		return;
	page_begin(&page);
	row_json(&page.j, NULL, &case_kind, &m->record);
	json_line(&page.j);
	page_end(&page, m, "case.json");
}

/* ---- manifest and signature ---- */

static void left_out(struct json *j, const struct making *m)
{
	char text[128];
	json_array(j, "left_out");
	for (size_t i = 0; i < m->n; i++) {
		const struct one *o = &m->v[i];
		if (!o->packets_file[0])
			snprintf(text, sizeof text, "packets of %.32s: none kept, samples only", o->f.id);
		else if (o->found.limited)
			snprintf(text, sizeof text, "packets of %.32s: the first %llu only", o->f.id,
				(unsigned long long)o->found.packets);
		else if (o->found.packets < o->f.packets)
			snprintf(text, sizeof text, "packets of %.32s: %llu of %llu", o->f.id,
				(unsigned long long)o->found.packets, (unsigned long long)o->f.packets);
		else
			continue;
		json_str(j, NULL, text);
	}
	json_end(j, ']');
}

/* One file a line, so that it can be read without a JSON parser. */
static void write_manifest(struct making *m, struct page *page)
{
	struct json *j = &page->j;
	json_object(j, NULL);
	json_str(j, "format", EVIDENCE_FORMAT);
	json_str(j, "kind", m->made->is_case ? "case" : "finding");
	json_str(j, "id", m->made->id);
	json_str(j, "program", m->p->program);
	json_time(j, "made", m->p->now_ns);
	json_str(j, "store", m->installation);
	json_str(j, "key", m->made->key);
	json_array(j, "sensors");
	for (size_t i = 0; i < m->n; i++) {
		bool before = false;
		for (size_t k = 0; k < i && !before; k++)
			before = strcmp(m->v[k].f.sensor, m->v[i].f.sensor) == 0;
		if (!before)
			json_str(j, NULL, m->v[i].f.sensor);
	}
	json_end(j, ']');
	json_time(j, "from", m->from_ns);
	json_time(j, "to", m->to_ns);
	left_out(j, m);
	json_array(j, "files");
	for (size_t i = 0; i < m->tar->n; i++) {
		char hash[65];
		evidencetar_sha256(hash, m->tar->v[i].data, m->tar->v[i].n);
		fputc('\n', page->out);
		json_object(j, NULL);
		json_str(j, "name", m->tar->v[i].name);
		json_u64(j, "size", m->tar->v[i].n);
		json_str(j, "sha256", hash);
		json_end(j, '}');
	}
	json_end(j, ']');
	json_end(j, '}');
	json_line(j);
}

static int sign(struct making *m, struct err *err)
{
	uint8_t *signature = mem_new(KEYS_SIGNATURE);
	struct page page;
	char *pem = mem_new(m->signer.n);
	evidencetar_sort(m->tar);
	page_begin(&page);
	write_manifest(m, &page);
	ENSURE(fclose(page.out) == 0);
	int rc = keys_sign(m->p->keys, KEYS_EVIDENCE, (struct bytes){ (uint8_t *)page.text, page.n }, signature, err);
	memcpy(pem, m->signer.text, m->signer.n);
	m->full |= !evidencetar_add(m->tar, EVIDENCE_MANIFEST, page.text, page.n);
	m->full |= !evidencetar_add(m->tar, EVIDENCE_SIGNATURE, signature, KEYS_SIGNATURE);
	m->full |= !evidencetar_add(m->tar, EVIDENCE_SIGNER, pem, m->signer.n);
	if (!rc && m->full)
		return err_set(err, -EVIDENCE_LIMIT, "it has more than an archive may hold (%d files, 512 MiB)",
			EVIDENCE_FILES_MAX);
	return rc ? -EVIDENCE_KEYS : 0;
}

static int take_authority(void *arg, const struct keys_info *i)
{
	struct making *m = arg;
	if (i->kind == KEYS_CA && !m->installation[0])
		memcpy(m->installation, i->id, sizeof i->id);
	return 0;
}

int evidence_export(const struct evidence_params *p, int fd, struct evidence_made *made, struct err *err)
{
	struct making m = { .p = p, .made = made };
	*made = (struct evidence_made){ 0 };
	if (keys_public(p->keys, KEYS_EVIDENCE, &m.signer, made->key, err) ||
		keys_each(p->keys, take_authority, &m, err)) {
		keys_pem_free(&m.signer);
		return -EVIDENCE_KEYS;
	}
	m.tar = calloc(1, sizeof *m.tar);
	m.v = calloc(FINDINGS_MAX, sizeof *m.v);
	ENSURE(m.tar && m.v);
	int rc = choose(&m, err);
	if (!rc) {
		add_record(&m);
		add_findings(&m);
		rc = add_gaps_and_clock(&m, err);
	}
	if (!rc)
		rc = add_summaries(&m, err);
	if (!rc)
		rc = sign(&m, err);
	if (!rc && evidencetar_write(m.tar, fd, m.to_ns / 1000000000, err))
		rc = -EVIDENCE_IO;
	made->bytes = m.tar->bytes;
	evidencetar_free(m.tar);
	free(m.v);
	keys_pem_free(&m.signer);
	return rc;
}
