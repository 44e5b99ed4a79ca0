// SPDX-License-Identifier: Apache-2.0
#include "cmd/watchstore.h"

#include "base/mem.h"
#include "base/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_MAX   (8u << 20) /* between two commits; further ones are lost and told as a gap */
#define SOURCES_MAX (4u << 20)
#define FEW_MAX	    65536u

enum kind { FLOW, SOURCE, SIGNAL, GAP, KINDS, COMMIT = KINDS, END };

static const struct {
	size_t size;
	uint32_t max;
} kinds[KINDS] = {
	[FLOW] = { sizeof(struct flow), FLOWS_MAX },
	[SOURCE] = { sizeof(struct source), SOURCES_MAX },
	[SIGNAL] = { sizeof(struct signal), FEW_MAX },
	[GAP] = { sizeof(struct gap), FEW_MAX },
};

struct watchstore {
	pid_t child;
	FILE *out;
	char sensor[64];
};

/* What the child holds. */
struct keeper {
	struct store *store;
	const char *sensor;
	uint64_t sender, sequence;
	struct archive_encoder *encoder;
	struct column_buf blocks;
	struct rollup *rollup;
	uint8_t *rows[KINDS];
	uint32_t n[KINDS], room[KINDS];
	uint64_t lost;
	int failed;
};

/* ---- the child ---- */

static uint64_t sender_of(const char *sensor)
{
	uint64_t h = 0x7761746368u;
	for (; *sensor; sensor++)
		h = random_mix(h ^ (uint8_t)*sensor);
	return h ? h : 1;
}

static void add_row(struct keeper *k, enum kind kind, const void *row)
{
	size_t size = kinds[kind].size;
	if (k->n[kind] == kinds[kind].max) {
		k->lost++;
		return;
	}
	if (k->n[kind] == k->room[kind]) {
		k->room[kind] = k->room[kind] ? k->room[kind] * 2 : 256;
		k->rows[kind] = mem_grow(k->rows[kind], k->room[kind] * size);
	}
	memcpy(k->rows[kind] + k->n[kind]++ * size, row, size);
}

static void add_gap(struct keeper *k, int64_t from_ns, int64_t to_ns, const char *reason, uint64_t dropped)
{
	struct gap g = { .from_ns = from_ns, .to_ns = to_ns, .dropped = dropped };
	snprintf(g.sensor, sizeof g.sensor, "%s", k->sensor);
	snprintf(g.reason, sizeof g.reason, "%s", reason);
	add_row(k, GAP, &g);
}

/* Blocks hold flows of one minute; flows come by minute, late ones in any order. */
static void encode(struct keeper *k)
{
	const struct flow *flows = (const void *)k->rows[FLOW];
	k->blocks.n = 0;
	rollup_clear(k->rollup);
	for (uint32_t i = 0, end; i < k->n[FLOW]; i = end) {
		int64_t minute = flows[i].first_ns / MINUTE_NS;
		for (end = i + 1; end < k->n[FLOW] && flows[end].first_ns / MINUTE_NS == minute;)
			end++;
		struct archive_batch b = {
			.flows = flows + i,
			.n = end - i,
			.minute = minute,
			.sender = k->sender,
			.sequence = k->sequence,
		};
		snprintf(b.sensor, sizeof b.sensor, "%s", k->sensor);
		archive_encode(k->encoder, &b, &k->blocks);
		rollup_add_flows(k->rollup, minute / 60, flows + i, end - i);
	}
}

static void commit(struct keeper *k, int64_t until_ns)
{
	struct err err = { "" };
	uint64_t ms = (uint64_t)(until_ns / 1000000);
	k->sequence = ms > k->sequence ? ms : k->sequence + 1;
	if (k->lost)
		add_gap(k, until_ns, until_ns, "writer-behind", k->lost);
	k->lost = 0;
	encode(k);
	struct store_batch b = {
		.sender = k->sender,
		.sequence = k->sequence,
		.sensor = k->sensor,
		.blocks = { k->blocks.p, k->blocks.n },
		.sources = (const void *)k->rows[SOURCE],
		.sources_n = k->n[SOURCE],
		.signals = (const void *)k->rows[SIGNAL],
		.signals_n = k->n[SIGNAL],
		.gaps = (const void *)k->rows[GAP],
		.gaps_n = k->n[GAP],
		.rollup = k->n[FLOW] ? k->rollup : NULL,
	};
	if (store_commit(k->store, &b, &err) < 0) {
		fprintf(stderr, "sakimori: store: %s\n", err.text);
		k->lost = k->n[FLOW];
		k->failed = 1;
	}
	memset(k->n, 0, sizeof k->n);
}

/* The last gap of this sensor that a stop or kill left. */
struct last {
	const char *sensor;
	struct gap gap;
};

static int see_gap(void *arg, const void *record)
{
	struct last *l = arg;
	const struct gap *g = record;
	bool ours =
		strcmp(g->sensor, l->sensor) == 0 && (!strcmp(g->reason, "stopped") || !strcmp(g->reason, "killed"));
	if (ours && g->from_ns >= l->gap.from_ns)
		l->gap = *g;
	return 0;
}

/* From when on nothing was kept. */
static void tell_gap(struct keeper *k)
{
	struct timespec now;
	struct last last = { .sensor = k->sensor };
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t now_ns = now.tv_sec * 1000000000 + now.tv_nsec;
	k->sequence = store_sequence(k->store, k->sender);
	if (k->sequence && store_each(k->store, &gap_kind, see_gap, &last, NULL) >= 0) {
		int64_t from = (int64_t)(k->sequence / 60000) * MINUTE_NS;
		if (last.gap.from_ns && last.gap.from_ns == last.gap.to_ns && !strcmp(last.gap.reason, "stopped"))
			add_gap(k, last.gap.from_ns, now_ns, "stopped", 0);
		else
			add_gap(k, from > last.gap.to_ns ? from : last.gap.to_ns, now_ns, "killed", 0);
	}
	commit(k, now_ns);
}

static bool receive(struct keeper *k, FILE *in)
{
	union {
		struct flow flow;
		struct source source;
		struct signal signal;
		struct gap gap;
	} row;
	int64_t until_ns;
	int kind = fgetc(in);
	if (kind >= 0 && kind < KINDS) {
		if (fread(&row, kinds[kind].size, 1, in) != 1)
			return false;
		add_row(k, (enum kind)kind, &row);
		return true;
	}
	if ((kind != COMMIT && kind != END) || fread(&until_ns, sizeof until_ns, 1, in) != 1)
		return false;
	if (kind == END)
		add_gap(k, until_ns, until_ns, "stopped", 0);
	commit(k, until_ns);
	return kind != END;
}

/* The pipe's end without END: the watch was killed. What was not committed is not whole, so it is not kept. */
static int keep(struct keeper *k, FILE *in)
{
	while (receive(k, in))
		;
	archive_encoder_free(k->encoder);
	rollup_free(k->rollup);
	column_buf_free(&k->blocks);
	for (int i = 0; i < KINDS; i++)
		free(k->rows[i]);
	store_close(k->store);
	fclose(in);
	return k->failed;
}

static _Noreturn void child(const char *dir, const char *sensor, int in, int ready)
{
	struct err err = { "" };
	struct keeper k = { .sensor = sensor, .sender = sender_of(sensor) };
	/* The terminal's interrupt is for the parent; its end comes through the pipe. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	k.store = store_open(dir, STORE_WRITE, NULL, &err);
	const char *dirs[] = { dir, NULL };
	if (k.store && sandbox_files(&(struct sandbox_paths){ .write = dirs }, &err) < 0)
		err_prefix(&err, -1, "sandbox");
	else if (k.store)
		err.text[0] = '\0';
	k.encoder = archive_encoder_new();
	k.rollup = rollup_new();
	if (err.text[0] == '\0')
		tell_gap(&k);
	if (k.failed)
		err_set(&err, -1, "%s: the first commit failed", dir);
	ssize_t told = write(ready, err.text, strlen(err.text) + 1);
	close(ready);
	if (told < 0 || err.text[0])
		_exit(1);
	int code = keep(&k, fdopen(in, "r"));
	fflush(NULL);
	exit(code);
}

/* ---- the parent ---- */

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* "" from the child: it is ready. */
static int hear(int fd, struct err *err)
{
	char text[sizeof err->text] = "";
	size_t n = 0;
	ssize_t r;
	while (n < sizeof text - 1 && (r = read(fd, text + n, sizeof text - 1 - n)) != 0) {
		if (r < 0 && errno != EINTR)
			break;
		n += r > 0 ? (size_t)r : 0;
	}
	if (n == 0)
		return err_set(err, -1, "the store's process ended");
	return text[0] == '\0' ? 0 : err_set(err, -1, "store: %s", text);
}

struct watchstore *watchstore_open(const char *dir, const char *sensor, struct err *err)
{
	int data[2], ready[2];
	if (pipe2(data, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
		err_set(err, -1, "pipe: %s", strerror(errno));
		return NULL;
	}
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		close(data[1]);
		close(ready[0]);
		child(dir, sensor, data[0], ready[1]);
	}
	close(data[0]);
	close(ready[1]);
	int r = pid < 0 ? err_set(err, -1, "fork: %s", strerror(errno)) : hear(ready[0], err);
	close(ready[0]);
	if (r < 0) {
		close(data[1]);
		if (pid > 0)
			wait_for(pid);
		return NULL;
	}
	struct watchstore *w = mem_new(sizeof *w);
	w->child = pid;
	w->out = fdopen(data[1], "w");
	ENSURE(w->out && setvbuf(w->out, NULL, _IOFBF, 1 << 16) == 0);
	fcntl(data[1], F_SETPIPE_SZ, 1 << 20); /* fewer changes between the two; any size will do */
	snprintf(w->sensor, sizeof w->sensor, "%s", sensor);
	return w;
}

static void give(struct watchstore *w, int kind, const void *row, size_t size)
{
	putc_unlocked(kind, w->out);
	fwrite(row, size, 1, w->out);
}

void watchstore_flow(struct watchstore *w, const struct flow *f)
{
	give(w, FLOW, f, sizeof *f);
}

void watchstore_source(struct watchstore *w, const struct source *s)
{
	give(w, SOURCE, s, sizeof *s);
}

void watchstore_signal(struct watchstore *w, const struct signal *s)
{
	give(w, SIGNAL, s, sizeof *s);
}

void watchstore_gap(struct watchstore *w, int64_t from_ns, int64_t to_ns, const char *reason, uint64_t dropped)
{
	struct gap g = { .from_ns = from_ns, .to_ns = to_ns, .dropped = dropped };
	snprintf(g.sensor, sizeof g.sensor, "%s", w->sensor);
	snprintf(g.reason, sizeof g.reason, "%s", reason);
	give(w, GAP, &g, sizeof g);
}

int watchstore_commit(struct watchstore *w, int64_t until_ns)
{
	give(w, COMMIT, &until_ns, sizeof until_ns);
	return fflush(w->out) == 0 && !ferror(w->out) ? 0 : -1;
}

int watchstore_close(struct watchstore *w, int64_t until_ns)
{
	give(w, END, &until_ns, sizeof until_ns);
	bool bad = fflush(w->out) != 0 || ferror(w->out);
	fclose(w->out);
	int r = wait_for(w->child);
	free(w);
	return bad ? -1 : r;
}
