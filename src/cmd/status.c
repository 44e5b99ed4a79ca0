// SPDX-License-Identifier: Apache-2.0
#include "cmd/status.h"

#include "base/cli.h"
#include "base/mem.h"
#include "base/zone.h"
#include "cmd/paint.h"
#include "role/statusjson.h"
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 10
#define CELL	64

/* ---- values for people ---- */

static const char *span(char out[CELL], int64_t ns)
{
	int64_t s = ns < 0 ? 0 : ns / 1000000000;
	if (s < 120)
		snprintf(out, CELL, "%" PRId64 " s", s);
	else if (s < 7200)
		snprintf(out, CELL, "%" PRId64 " min", s / 60);
	else if (s < 172800)
		snprintf(out, CELL, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(out, CELL, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
	return out;
}

static const char *size(char out[CELL], uint64_t octets)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double v = (double)octets;
	size_t u = 0;
	for (; v >= 1000 && u < 5; u++)
		v /= 1000;
	snprintf(out, CELL, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

static const char *moment(char out[CELL], uint64_t ns)
{
	char text[TEXT_TIME_MAX];
	snprintf(out, CELL, "%s", ns ? zone_text(text, (int64_t)ns) : "-");
	return out;
}

static const char *number(char out[CELL], uint64_t n)
{
	char text[32];
	snprintf(out, CELL, "%s", paint_number(text, n));
	return out;
}

/* ---- tables ---- */

struct table {
	const char *const *head; /* those that begin with '>' are flush right */
	size_t columns, rows;
	char cell[STATUS_PAGES * COUNTERS_PREFIXES][COLUMNS][CELL];
	enum paint_colour colour[STATUS_PAGES * COUNTERS_PREFIXES]; /* of the second column */
};

static struct table *table_new(const char *const *head, size_t columns)
{
	struct table *t = mem_new(sizeof *t);
	t->head = head;
	t->columns = columns;
	return t;
}

static void print_cell(const struct table *t, size_t column, size_t width, const char *text, enum paint_colour c)
{
	size_t n = strlen(text), pad = width > n ? width - n : 0;
	bool right = t->head[column][0] == '>', last = column + 1 == t->columns;
	if (right)
		printf("%*s", (int)pad, "");
	paint_text(stdout, c, text);
	if (!right && !last)
		printf("%*s", (int)pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

/* And frees it. */
static void table_print(struct table *t)
{
	size_t width[COLUMNS] = { 0 };
	for (size_t k = 0; k < t->columns; k++) {
		const char *head = t->head[k] + (t->head[k][0] == '>');
		width[k] = strlen(head);
		for (size_t i = 0; i < t->rows; i++)
			width[k] = strlen(t->cell[i][k]) > width[k] ? strlen(t->cell[i][k]) : width[k];
	}
	for (size_t k = 0; k < t->columns; k++)
		print_cell(t, k, width[k], t->head[k] + (t->head[k][0] == '>'), PAINT_DIM);
	for (size_t i = 0; i < t->rows; i++)
		for (size_t k = 0; k < t->columns; k++)
			print_cell(t, k, width[k], t->cell[i][k], k == 1 ? t->colour[i] : PAINT_PLAIN);
	free(t);
}

/* ---- parts of the screen ---- */

static uint64_t pss(pid_t pid)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = pid > 0 ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (uint64_t)kib * 1024;
}

static enum paint_colour state_colour(unsigned state)
{
	return state == STATE_RUNNING	 ? PAINT_GREEN
	       : state == STATE_DONE	 ? PAINT_PLAIN
	       : state == STATE_STARTING ? PAINT_YELLOW
					 : PAINT_RED;
}

static void role_row(struct table *t, const struct status *s, const struct status_page *p)
{
	const struct counters *c = &p->c;
	char(*cell)[CELL] = t->cell[t->rows];
	bool live = s->daemon == STATUS_RUNNING && atomic_load(&c->pid) > 0;
	pid_t pid = live ? (pid_t)atomic_load(&c->pid) : 0;
	uint64_t own = pss(pid);
	/* What the page says is how it was; without its supervisor no role lives. */
	unsigned state = s->daemon == STATUS_RUNNING || s->daemon == STATUS_STOPPED ? atomic_load(&c->state) : STATE_N;
	snprintf(cell[0], CELL, "%s", p->name);
	snprintf(cell[1], CELL, "%s%s", state == STATE_N ? "was " : "", role_state_name(atomic_load(&c->state)));
	t->colour[t->rows] = state_colour(state);
	snprintf(cell[2], CELL, "%d", (int)pid);
	if (live)
		span(cell[3], s->now_ns - atomic_load(&c->started_ns));
	number(cell[4], atomic_load(&c->restarts));
	if (live)
		size(cell[5], atomic_load(&c->resident));
	if (own)
		size(cell[6], own);
	number(cell[7], counters_get(c, COUNTER_MESSAGES_IN));
	number(cell[8], counters_get(c, COUNTER_MESSAGES_OUT));
	size(cell[9], counters_get(c, COUNTER_WAITING));
	for (int i = 2; i < 7; i++)
		if (!cell[i][0] || (i == 2 && !pid))
			snprintf(cell[i], CELL, "-");
	t->rows++;
}

static void print_roles(const struct status *s)
{
	static const char *const head[] = { "role", "state", ">process", ">up", ">restarts", ">memory", ">its own",
		">received", ">sent", ">unacknowledged" };
	struct table *t = table_new(head, 10);
	role_row(t, s, &s->supervisor);
	for (size_t i = 0; i < s->n; i++)
		role_row(t, s, &s->v[i]);
	paint_heading(stdout, "Roles");
	table_print(t);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].c.last_end[0] && atomic_load(&s->v[i].c.restarts))
			printf("%s ended last %s\n", s->v[i].name, s->v[i].c.last_end);
}

static void rate_text(char out[CELL], const struct status *now, const struct status *before, size_t i)
{
	const struct counters *c = &now->v[i].c;
	uint64_t n = counters_get(c, COUNTER_PACKETS);
	int64_t from = atomic_load(&c->started_ns), ns = now->now_ns - from;
	if (before && i < before->n && strcmp(before->v[i].name, now->v[i].name) == 0 &&
		counters_get(&before->v[i].c, COUNTER_PACKETS) <= n) {
		n -= counters_get(&before->v[i].c, COUNTER_PACKETS);
		ns = now->now_ns - before->now_ns;
	}
	if (ns <= 0 || atomic_load(&c->state) != STATE_RUNNING || now->daemon != STATUS_RUNNING)
		snprintf(out, CELL, "-");
	else
		number(out, (uint64_t)((double)n * 1e9 / (double)ns + 0.5));
}

static void print_sensors(const struct status *s, const struct status *before)
{
	static const char *const head[] = { "sensor", ">packets", ">per s", "last packet", "last minute", ">dropped",
		">late", "clock", ">off by" };
	static const char *const clocks[] = { "unknown", "synchronised", "not synchronised", "scenario" };
	struct table *t = table_new(head, 9);
	for (size_t i = 0; i < s->n; i++) {
		const struct counters *c = &s->v[i].c;
		char(*cell)[CELL] = t->cell[t->rows];
		if (s->v[i].role != ROLE_CAPTURE)
			continue;
		uint64_t clock = counters_get(c, COUNTER_CLOCK_STATE);
		snprintf(cell[0], CELL, "%s", s->v[i].sensor ? s->v[i].sensor : s->v[i].name);
		number(cell[1], counters_get(c, COUNTER_PACKETS));
		rate_text(cell[2], s, before, i);
		moment(cell[3], counters_get(c, COUNTER_LAST_PACKET));
		moment(cell[4], counters_get(c, COUNTER_LAST_MINUTE));
		number(cell[5], counters_get(c, COUNTER_DROPPED));
		number(cell[6], counters_get(c, COUNTER_LATE));
		snprintf(cell[7], CELL, "%s", clocks[clock < 4 ? clock : 0]);
		snprintf(cell[8], CELL, "%.3f ms", (double)(int64_t)counters_get(c, COUNTER_CLOCK_OFFSET) / 1e6);
		if (clock != 1 && clock != 3) /* how far it is off is known of these alone */
			snprintf(cell[8], CELL, "-");
		t->rows++;
	}
	if (!t->rows) {
		free(t);
		return;
	}
	paint_heading(stdout, before ? "Sensors" : "Sensors (per s: mean since the start; --watch: of now)");
	table_print(t);
}

/* By dark prefix in the pages of sensors, by sensor elsewhere in the keeper's. */
static void print_lasts(const struct status *s, enum role_id role)
{
	static const char *const prefixes[] = { "dark prefix", "sensor", "last packet" };
	static const char *const peers[] = { "sensor elsewhere", "", "last batch" };
	struct table *t = table_new(role == ROLE_CAPTURE ? prefixes : peers, 3);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; s->v[i].role == role && k < s->v[i].c.prefixes_n; k++) {
			char(*cell)[CELL] = t->cell[t->rows++];
			snprintf(cell[0], CELL, "%.47s", s->v[i].c.prefix[k]);
			snprintf(cell[1], CELL, "%s", s->v[i].sensor ? s->v[i].sensor : "");
			moment(cell[2], (uint64_t)atomic_load(&s->v[i].c.prefix_last_ns[k]));
		}
	if (!t->rows) {
		free(t);
		return;
	}
	fputc('\n', stdout);
	table_print(t);
}

static void print_store(const struct counters *c)
{
	char a[CELL], b[CELL], d[CELL], e[CELL], f[CELL];
	uint64_t commits = counters_get(c, COUNTER_COMMITS), total = counters_get(c, COUNTER_DISK_TOTAL);
	uint64_t room = counters_get(c, COUNTER_DISK_FREE);
	paint_heading(stdout, "Store");
	printf("commits %s, mean %.1f ms, longest %.1f ms, failed %s, repeated %s\n", number(a, commits),
		commits ? (double)counters_get(c, COUNTER_COMMIT_NS) / 1e6 / (double)commits : 0.0,
		(double)counters_get(c, COUNTER_COMMIT_MAX) / 1e6, number(b, counters_get(c, COUNTER_STORE_FAILED)),
		number(d, counters_get(c, COUNTER_REPEATED)));
	printf("flows %s, findings %s, signals %s, gaps %s; retired %s\n",
		number(a, counters_get(c, COUNTER_STORED_FLOWS)), number(b, counters_get(c, COUNTER_STORED_FINDINGS)),
		number(d, counters_get(c, COUNTER_STORED_SIGNALS)), number(e, counters_get(c, COUNTER_GAPS)),
		number(f, counters_get(c, COUNTER_RETIRED)));
	printf("disk %s free of %s (%.0f %%), flow archive %s\n", size(a, room), size(b, total),
		total ? 100.0 * (double)room / (double)total : 0.0, size(d, counters_get(c, COUNTER_ARCHIVE_BYTES)));
}

static void print_others(const struct status_page *p)
{
	const struct counters *c = &p->c;
	char a[CELL], b[CELL], d[CELL], e[CELL];
	switch (p->role) {
	case ROLE_KEEPER:
		print_store(c);
		break;
	case ROLE_ALERT:
		paint_heading(stdout, "Alerts");
		printf("sent %s, failed %s, waiting %s, alarms raised %s\n",
			number(a, counters_get(c, COUNTER_ALERTS_SENT)),
			number(b, counters_get(c, COUNTER_ALERTS_FAILED)),
			number(d, counters_get(c, COUNTER_ALERTS_WAITING)), number(e, counters_get(c, COUNTER_ALARMS)));
		break;
	case ROLE_FORWARD:
		paint_heading(stdout, "Link");
		printf("%s, broke %s times, spool %s, lost batches %s, disk %s free\n",
			counters_get(c, COUNTER_LINK) ? "connected" : "not connected",
			number(a, counters_get(c, COUNTER_LINK_LOST)), size(b, counters_get(c, COUNTER_SPOOL_BYTES)),
			number(d, counters_get(c, COUNTER_SPOOL_LOST)), size(e, counters_get(c, COUNTER_DISK_FREE)));
		break;
	case ROLE_COLLECT:
		paint_heading(stdout, "Sensors of other machines");
		printf("connected %s, refused %s\n", number(a, counters_get(c, COUNTER_PEERS)),
			number(b, counters_get(c, COUNTER_PEERS_REFUSED)));
		break;
	default:
		break;
	}
}

static void print_top(const struct status_show *show, const struct status *s)
{
	static const char *const words[] = { "never ran", "running", "stopped", "killed" };
	const struct counters *c = &s->supervisor.c;
	char a[CELL];
	paint_text(stdout, PAINT_BOLD, "sakimori " SAKIMORI_VERSION "  ");
	paint_text(stdout, s->daemon == STATUS_RUNNING ? PAINT_GREEN : PAINT_RED, words[s->daemon]);
	if (s->daemon == STATUS_RUNNING)
		printf("  process %lld, up %s", (long long)atomic_load(&c->pid),
			span(a, s->now_ns - atomic_load(&c->started_ns)));
	printf("  store %s", show->store);
	if (s->daemon != STATUS_NEVER)
		printf("  configuration %s", c->config[0] ? c->config : "none");
	fputc('\n', stdout);
}

static void print_screen(const struct status_show *show, const struct status *s, const struct status *before,
	const struct status_finding *f, size_t n)
{
	static const char *const words[] = { "note     ", "warning  ", "WRONG    " };
	static const enum paint_colour colours[] = { PAINT_DIM, PAINT_YELLOW, PAINT_RED };
	if (show->watch && paint_on(stdout))
		fputs("\033[H\033[J", stdout);
	print_top(show, s);
	for (size_t i = 0; i < n; i++) {
		paint_text(stdout, colours[f[i].weight], words[f[i].weight]);
		printf("%s\n", f[i].text);
	}
	if (!n)
		puts("nothing is wrong");
	if (s->daemon == STATUS_NEVER)
		return;
	print_roles(s);
	print_sensors(s, before);
	print_lasts(s, ROLE_CAPTURE);
	print_lasts(s, ROLE_KEEPER);
	for (size_t i = 0; i < s->n; i++)
		print_others(&s->v[i]);
}

/* ---- the course ---- */

static volatile sig_atomic_t enough;

static void on_interrupt(int number)
{
	enough = 1;
}

static int once(const struct status_show *show, struct status *now, const struct status *before)
{
	struct err err = { "" };
	struct status_finding *f = mem_new(STATUS_FINDINGS * sizeof *f);
	struct status_reader *r = status_open(show->store, &err);
	if (!r) {
		fprintf(stderr, "sakimori: %s\n", err.text);
		free(f);
		return CLI_FAILED;
	}
	status_read(r, now, false);
	status_close(r);
	size_t n = status_judge(now, &show->limits, f);
	if (show->json)
		statusjson_print(
			stdout, &(struct statusjson){ .store = show->store, .status = now, .findings = f, .n = n });
	else
		print_screen(show, now, before, f, n);
	fflush(stdout);
	int code = n && f[0].weight == STATUS_WRONG ? CLI_NEGATIVE : CLI_DONE;
	free(f);
	return code;
}

int status_show(const struct status_show *show)
{
	struct err err = { "" };
	struct status *v = mem_new(2 * sizeof *v);
	if (show->zone && zone_set(show->zone, &err) < 0) {
		fprintf(stderr, "sakimori: %s\n", err.text);
		free(v);
		return CLI_USAGE;
	}
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	int code = once(show, &v[0], NULL);
	for (int i = 1; show->watch && !enough && code != CLI_FAILED && !ferror(stdout); i ^= 1) {
		sleep(1);
		if (!enough)
			code = once(show, &v[i], &v[i ^ 1]);
	}
	free(v);
	return code;
}
