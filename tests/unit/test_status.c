// SPDX-License-Identifier: Apache-2.0
/* Pages and what statusjudge makes of them. */
#include "role/status.h"

#include "base/mem.h"
#include "role/metricstext.h"
#include "role/selfpage.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000000000)
#define NOW  (INT64_C(1795564800) * 1000000000)

static struct status_page page_of(const char *name)
{
	struct status_page p;
	struct counters c = { .magic = COUNTERS_MAGIC, .size = sizeof c };
	snprintf(c.build, sizeof c.build, "%s", SAKIMORI_VERSION);
	assert_null(status_parse(name, (struct bytes){ (uint8_t *)&c, sizeof c }, &p));
	return p;
}

static void looks_at_each_field(void **state)
{
	static const struct {
		const char *name, *of;
		size_t size;
		uint64_t magic;
		uint32_t told;
		const char *build, *why;
	} cases[] = {
		{ "a page", "capture:west", sizeof(struct counters), COUNTERS_MAGIC, sizeof(struct counters),
			SAKIMORI_VERSION, NULL },
		{ "cut", "keeper", sizeof(struct counters) - 1, COUNTERS_MAGIC, sizeof(struct counters),
			SAKIMORI_VERSION, "another size" },
		{ "empty", "keeper", 0, COUNTERS_MAGIC, 0, SAKIMORI_VERSION, "another size" },
		{ "other magic", "keeper", sizeof(struct counters), 1, sizeof(struct counters), SAKIMORI_VERSION,
			"no page" },
		{ "another size told", "keeper", sizeof(struct counters), COUNTERS_MAGIC, 8, SAKIMORI_VERSION,
			"no page" },
		{ "another build", "keeper", sizeof(struct counters), COUNTERS_MAGIC, sizeof(struct counters), "0.0.9",
			"another build" },
		{ "no role", "baker", sizeof(struct counters), COUNTERS_MAGIC, sizeof(struct counters),
			SAKIMORI_VERSION, "no role" },
		{ "a role that is no process", "command", sizeof(struct counters), COUNTERS_MAGIC,
			sizeof(struct counters), SAKIMORI_VERSION, "no role" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct counters c = { .magic = cases[i].magic, .size = cases[i].told };
		struct status_page p;
		snprintf(c.build, sizeof c.build, "%s", cases[i].build);
		const char *why = status_parse(cases[i].of, (struct bytes){ (uint8_t *)&c, cases[i].size }, &p);
		if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
			fail_msg("%s: %s", cases[i].name, why ? why : "taken");
	}
}

static void tames_texts(void **state)
{
	struct counters c = { .magic = COUNTERS_MAGIC, .size = sizeof c, .prefixes_n = COUNTERS_PREFIXES + 1 };
	struct status_page p;
	snprintf(c.build, sizeof c.build, "%s", SAKIMORI_VERSION);
	memset(c.note, 0x1b, sizeof c.note);
	memset(c.last_end, 'x', sizeof c.last_end);
	memset(c.prefix, 0xff, sizeof c.prefix);
	assert_null(status_parse("capture:a\033[31m", (struct bytes){ (uint8_t *)&c, sizeof c }, &p));
	assert_string_equal(p.sensor, "a\\x1b[31m");
	assert_null(strchr(p.c.note, 0x1b));
	assert_in_range(strlen(p.c.last_end), sizeof c.last_end - 8, sizeof c.last_end - 1);
	assert_int_equal(p.c.prefixes_n, COUNTERS_PREFIXES);
}

/* One keeper, one sensor, changed by each case. */
static const struct {
	const char *name;
	enum status_daemon daemon;
	unsigned state, deaths;
	int64_t ago_ns; /* of the deaths */
	uint64_t room;	/* percent */
	enum counter counter;
	uint64_t value;
	enum status_weight weight;
	const char *first; /* NULL: nothing is wrong */
} cases[] = {
	{ "well", STATUS_RUNNING, STATE_RUNNING, 0, 0, 50, COUNTER_PACKETS, 5, 0, NULL },
	{ "never ran", STATUS_NEVER, STATE_RUNNING, 0, 0, 50, COUNTER_PACKETS, 5, STATUS_WRONG, "never ran" },
	{ "killed", STATUS_KILLED, STATE_RUNNING, 0, 0, 1, COUNTER_PACKETS, 5, STATUS_WRONG, "was killed or crashed" },
	{ "stopped", STATUS_STOPPED, STATE_STOPPED, 0, 0, 1, COUNTER_PACKETS, 5, STATUS_WRONG, "is not running since" },
	{ "a role waits", STATUS_RUNNING, STATE_WAITING, 1, 1, 50, COUNTER_PACKETS, 5, STATUS_WRONG, "keeper is down" },
	{ "a role is gone", STATUS_RUNNING, STATE_STOPPED, 0, 0, 50, COUNTER_PACKETS, 5, STATUS_WRONG, "does not run" },
	{ "a state that is none", STATUS_RUNNING, 99, 0, 0, 50, COUNTER_PACKETS, 5, STATUS_WRONG, "does not run" },
	{ "starts for an hour", STATUS_RUNNING, STATE_STARTING, 0, 0, 50, COUNTER_PACKETS, 5, STATUS_WRONG,
		"is starting for 3600 s" },
	{ "one death", STATUS_RUNNING, STATE_RUNNING, 1, 1, 50, COUNTER_PACKETS, 5, STATUS_WARNING,
		"ended 1 time within" },
	{ "six deaths", STATUS_RUNNING, STATE_RUNNING, 6, 1, 50, COUNTER_PACKETS, 5, STATUS_WRONG, "keeps ending" },
	{ "long ago", STATUS_RUNNING, STATE_RUNNING, 16, HOUR, 50, COUNTER_PACKETS, 5, 0, NULL },
	{ "disk low", STATUS_RUNNING, STATE_RUNNING, 0, 0, 4, COUNTER_PACKETS, 5, STATUS_WRONG, "nearly full" },
	{ "disk low, and a death before", STATUS_RUNNING, STATE_RUNNING, 1, 1, 4, COUNTER_PACKETS, 5, STATUS_WRONG,
		"nearly full" },
	{ "disk at the limit", STATUS_RUNNING, STATE_RUNNING, 0, 0, 5, COUNTER_PACKETS, 5, 0, NULL },
	{ "commits failed", STATUS_RUNNING, STATE_RUNNING, 0, 0, 50, COUNTER_STORE_FAILED, 2, STATUS_WARNING,
		"keeper: 2 commits failed" },
	{ "another's counter", STATUS_RUNNING, STATE_RUNNING, 0, 0, 50, COUNTER_SPOOL_LOST, 2, 0, NULL },
};

static void tells_the_worst_first(void **state)
{
	struct status *s = mem_new(sizeof *s);
	struct status_finding f[STATUS_FINDINGS];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		*s = (struct status){ .daemon = cases[i].daemon, .now_ns = NOW, .n = 1 };
		s->v[0] = page_of("keeper");
		struct counters *c = &s->v[0].c;
		atomic_store(&c->state, cases[i].state);
		atomic_store(&c->started_ns, NOW - HOUR);
		for (unsigned k = 0; k < cases[i].deaths; k++)
			atomic_store(&c->deaths_ns[k], NOW - cases[i].ago_ns);
		atomic_store(&c->v[COUNTER_DISK_TOTAL], 1000);
		atomic_store(&c->v[COUNTER_DISK_FREE], cases[i].room * 10);
		atomic_store(&c->v[cases[i].counter], cases[i].value);
		size_t n = status_judge(s, NULL, f);
		if (!cases[i].first ? n != 0
				    : n == 0 || f[0].weight != cases[i].weight || !strstr(f[0].text, cases[i].first))
			fail_msg("%s: %zu: %s", cases[i].name, n, n ? f[0].text : "");
		for (size_t k = 1; k < n; k++)
			assert_true(f[k - 1].weight >= f[k].weight);
	}
	free(s);
}

/* Many roles with much wrong: told up to the limit. */
static void stays_within_its_limit(void **state)
{
	struct status *s = mem_new(sizeof *s);
	struct status_finding f[STATUS_FINDINGS];
	s->daemon = STATUS_RUNNING;
	s->now_ns = NOW;
	s->n = STATUS_PAGES;
	for (size_t i = 0; i < s->n; i++) {
		s->v[i] = page_of("capture:west");
		for (size_t k = 0; k < COUNTER_N; k++)
			atomic_store(&s->v[i].c.v[k], UINT64_MAX);
	}
	assert_int_equal(status_judge(s, NULL, f), STATUS_FINDINGS);
	free(s);
}

static char *metrics_of(const struct status *s)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	metricstext_write(out, s);
	fclose(out);
	return text;
}

static void writes_metrics(void **state)
{
	static const char *const lines[] = {
		"# TYPE sakimori_packets counter\n# HELP sakimori_packets Packets read.\n",
		"\nsakimori_packets_total{role=\"capture\",sensor=\"we\\\"st\"} 7\n",
		"\n# UNIT sakimori_last_packet_timestamp_seconds seconds\n",
		"\nsakimori_last_packet_timestamp_seconds{role=\"capture\",sensor=\"we\\\"st\"} 1795564800.000000005\n",
		"\nsakimori_clock_offset_seconds{role=\"capture\",sensor=\"we\\\"st\"} -0.000000250\n",
		"\nsakimori_lost_packets_total{role=\"capture\",sensor=\"we\\\"st\"} 9223372036854775807\n",
		("\nsakimori_dark_prefix_last_packet_timestamp_seconds{role=\"capture\",sensor=\"we\\\"st\","
		 "prefix=\"198.18.0.0/16\"} 1.000000000\n"),
		"\nsakimori_peer_last_batch_timestamp_seconds{role=\"keeper\",sensor=\"north\"} 2.500000000\n",
		"\nsakimori_up{role=\"capture\",sensor=\"we\\\"st\"} 0\n",
	};
	struct status *s = mem_new(sizeof *s);
	s->n = 1;
	s->v[0] = page_of("capture:we\"st");
	s->v[0].sensor = s->v[0].name + 8;
	struct counters *c = &s->v[0].c;
	atomic_store(&c->v[COUNTER_PACKETS], 7);
	atomic_store(&c->v[COUNTER_LAST_PACKET], NOW + 5);
	atomic_store(&c->v[COUNTER_CLOCK_OFFSET], (uint64_t)-250);
	atomic_store(&c->v[COUNTER_FLOWS_LOST], UINT64_MAX);
	c->prefixes_n = 2; /* the second never saw a packet */
	snprintf(c->prefix[0], sizeof c->prefix[0], "198.18.0.0/16");
	atomic_store(&c->prefix_last_ns[0], 1000000000);
	s->n = 2;
	s->v[1] = page_of("keeper");
	s->v[1].c.prefixes_n = 1;
	snprintf(s->v[1].c.prefix[0], sizeof s->v[1].c.prefix[0], "north");
	atomic_store(&s->v[1].c.prefix_last_ns[0], 2500000000);
	char *text = metrics_of(s);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!strstr(text, lines[i]))
			fail_msg("missing: %s in %s", lines[i], text);
	assert_null(strstr(text, "last_minute_timestamp_seconds{"));
	assert_null(strstr(text, "sakimori_alerts_sent"));
	assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
	free(text);
	free(s);
}

static void knows_processes(void **state)
{
	assert_true(selfpage_born(getpid()) > 0);
	assert_int_equal(selfpage_born(getpid()), selfpage_born(getpid()));
	assert_true(selfpage_resident(getpid()) > 100000);
	assert_int_equal(selfpage_born(-5), 0);
}

static void one_has_the_store(void **state)
{
	char dir[] = "/tmp/statusXXXXXX", run[64], path[96];
	struct selfpage a, b;
	struct err err = { "" };
	struct status *s = mem_new(sizeof *s);
	assert_non_null(mkdtemp(dir));
	snprintf(run, sizeof run, "%s/run", dir);
	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(selfpage_open(&a, dir, NULL, &err), 0);
	assert_int_equal(selfpage_open(&b, dir, NULL, &err), -1);
	assert_non_null(strstr(err.text, "already"));
	selfpage_close(&b, "");
	for (int i = 0; i < 3; i++) {
		struct status_reader *r = status_open(dir, &err);
		status_read(r, s, false);
		status_close(r);
		assert_int_equal(s->daemon, i == 0 ? STATUS_RUNNING : i == 1 ? STATUS_KILLED : STATUS_STOPPED);
		/* Its number was given to another process since. */
		if (i == 0)
			atomic_store(&a.page->born, 1);
		else
			selfpage_close(&a, "enough");
	}
	assert_string_equal(s->supervisor.c.last_end, "enough");
	assert_int_equal(selfpage_open(&b, dir, NULL, &err), 0);
	selfpage_close(&b, "");
	snprintf(path, sizeof path, "%s/lock", run);
	unlink(path);
	counters_clear(dir);
	assert_int_equal(rmdir(run), 0);
	rmdir(dir);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_at_each_field),
		cmocka_unit_test(tames_texts),
		cmocka_unit_test(tells_the_worst_first),
		cmocka_unit_test(stays_within_its_limit),
		cmocka_unit_test(writes_metrics),
		cmocka_unit_test(knows_processes),
		cmocka_unit_test(one_has_the_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
