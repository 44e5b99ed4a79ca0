// SPDX-License-Identifier: Apache-2.0
#include "cmd/store.h"

#include "base/text.h"
#include "cmd/run.h"
#include "store/backup.h"
#include "store/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int store_complain(const char *what, int code)
{
	char safe[1024];
	fprintf(stderr, "sakimori store: %s\n", text_escape(safe, sizeof safe, what, strlen(what)));
	return code;
}

int64_t store_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct store *store_open_for(const struct cli_global *g, enum store_mode mode, int *code)
{
	struct err err = { "" };
	char path[4200];
	/* Writing makes a store where there is none; no command here means that. */
	snprintf(path, sizeof path, "%s/store.db", run_store_dir(g));
	if (mode == STORE_WRITE && access(path, F_OK)) {
		err_set(&err, 0, "there is no store in %s", run_store_dir(g));
		*code = store_complain(err.text, CLI_FAILED);
		return NULL;
	}
	struct store *s = store_open(run_store_dir(g), mode, NULL, &err);
	*code = s ? CLI_DONE : store_complain(err.text, CLI_FAILED);
	return s;
}

/* ---- progress ---- */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void store_progress_begin(struct store_progress *p, const struct cli_global *g, const char *what)
{
	*p = (struct store_progress){ .what = what, .on = !g->quiet && isatty(STDERR_FILENO), .last_ms = now_ms() };
}

void store_progress_show(void *arg, uint64_t done, uint64_t all)
{
	struct store_progress *p = arg;
	if (!p->on || now_ms() - p->last_ms < 200)
		return;
	p->last_ms = now_ms();
	fprintf(stderr, "\r%s %3" PRIu64 " %% of %" PRIu64 " MB ", p->what, all ? done * 100 / all : 100,
		all / 1000000);
}

void store_progress_end(struct store_progress *p)
{
	if (p->on)
		fputs("\r\033[K", stderr);
}

/* ---- check ---- */

static void see_problem(void *arg, const char *text)
{
	struct json *j = arg; /* NULL: text */
	char safe[1024];
	if (j)
		json_str(j, NULL, text);
	else
		printf("%s\n", text_escape(safe, sizeof safe, text, strlen(text)));
}

int store_check_command(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct store_progress progress;
	struct err err = { "" };
	struct json j;
	struct store_check c = { .problem = see_problem,
		.problem_arg = g->json ? &j : NULL,
		.progress = store_progress_show,
		.arg = &progress };
	int code;
	struct store *s = store_open_for(g, STORE_READ, &code);
	if (!s)
		return code;
	store_progress_begin(&progress, g, "checked");
	if (g->json) {
		json_init(&j, stdout);
		json_object(&j, NULL);
		json_array(&j, "problems");
	}
	int rc = store_check(s, &c, &err);
	store_progress_end(&progress);
	store_close(s);
	if (g->json) {
		json_end(&j, ']');
		json_u64(&j, "broken", c.problems);
		json_u64(&j, "segments", c.segments);
		json_u64(&j, "blocks", c.blocks);
		json_u64(&j, "octets", c.octets);
		json_u64(&j, "flows", c.flows);
		json_u64(&j, "sources", c.sources);
		json_u64(&j, "audit_rows", c.audit_rows);
		json_end(&j, '}');
		json_line(&j);
	} else {
		printf("%" PRIu64 " segments, %" PRIu64 " blocks, %" PRIu64 " flows, %" PRIu64 " sources, %" PRIu64
		       " audit rows: %s\n",
			c.segments, c.blocks, c.flows, c.sources, c.audit_rows, c.problems ? "BROKEN" : "whole");
	}
	if (rc == -STORE_DAMAGED)
		return store_complain(err.text, CLI_NEGATIVE);
	return rc ? store_complain(err.text, CLI_FAILED) : CLI_DONE;
}

/* ---- backup, restore, migrate ---- */

static void report(const struct cli_global *g, const char *what, const char *where, const struct backup_report *r)
{
	struct json j;
	if (!g->json) {
		printf("%s %s: %" PRIu64 " files, %" PRIu64 " octets, schema %d, %s\n", what, where, r->files,
			r->octets, r->schema, r->keys ? "WITH the keys of the store" : "without keys");
		return;
	}
	json_init(&j, stdout);
	json_object(&j, NULL);
	json_str(&j, what, where);
	json_u64(&j, "files", r->files);
	json_u64(&j, "octets", r->octets);
	json_u64(&j, "schema", (uint64_t)r->schema);
	json_bool(&j, "keys", r->keys);
	json_end(&j, '}');
	json_line(&j);
}

int store_backup(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct store_options *o = options;
	struct store_progress progress;
	struct backup_report r;
	struct err err = { "" };
	store_progress_begin(&progress, g, "copied");
	struct backup_params p = { .store = run_store_dir(g),
		.target = argv[0],
		.with_keys = o->with_keys,
		.program = SAKIMORI_VERSION,
		.now_ns = store_now_ns(),
		.progress = store_progress_show,
		.arg = &progress };
	int rc = backup_make(&p, &r, &err);
	store_progress_end(&progress);
	if (rc)
		return store_complain(err.text, CLI_FAILED);
	report(g, "backup", argv[0], &r);
	return CLI_DONE;
}

int store_restore(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct backup_report r;
	struct err err = { "" };
	int rc = backup_restore(argv[0], argv[1], &r, &err);
	if (rc)
		return store_complain(err.text, rc == -STORE_DAMAGED ? CLI_NEGATIVE : CLI_FAILED);
	report(g, "restored", argv[1], &r);
	return CLI_DONE;
}

int store_migrate(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct err err = { "" };
	const char *dir = run_store_dir(g);
	int code, to = store_schema_of_program();
	struct store *s = store_open_for(g, STORE_WRITE, &code);
	if (!s)
		return code;
	int from = store_schema(s);
	int rc = from == to ? 0 : store_audit(s, store_now_ns(), "operator", "migrate", dir, &err);
	store_close(s);
	if (rc)
		return store_complain(err.text, CLI_FAILED);
	if (from == to)
		printf("schema %d is current, nothing to do\n", from);
	else
		printf("migrated from schema %d to %d; the database as it was: %s/store.db.before-v%d\n", from, to, dir,
			from + 1);
	return CLI_DONE;
}

/* ---- rows ---- */

#define OPT(f) CLI_FIELD(struct store_options, f)

static const struct cli_option no_options[1];

static const struct cli_option query_options[] = {
	{ "rows", 'n', CLI_NUMBER, OPT(rows), "N", "end after so many rows (default 10,000)" },
	{ "time", 't', CLI_NUMBER, OPT(time_ms), "MS", "end after so many milliseconds (default 10,000)" },
	{ "memory", 0, CLI_NUMBER, OPT(memory_mib), "MIB", "end when it needs more memory (default 256 MiB)" },
	{ "csv", 0, CLI_FLAG, OPT(csv), NULL, "comma-separated values, names first" },
	{ "ask", 0, CLI_FLAG, OPT(ask), NULL,
		"ask the running daemon, as this user: `access` says what he sees (default when the files are not "
		"his)" },
};

static const struct cli_option backup_options[] = {
	{ "with-keys", 0, CLI_FLAG, OPT(with_keys), NULL,
		"take STORE/keys along: whoever has the backup has the keys" },
};

static const struct cli_option export_options[] = {
	{ "from", 0, CLI_TEXT, OPT(from), "TIME", "from this time on" },
	{ "to", 0, CLI_TEXT, OPT(to), "TIME", "... and before this one" },
	{ "tz", 0, CLI_TEXT, OPT(tz), "ZONE", "time zone of --from and --to (default UTC)" },
	{ "csv", 0, CLI_FLAG, OPT(csv), NULL, "comma-separated values instead of JSON lines" },
};

static const struct cli_option hold_options[] = {
	{ "finding", 'f', CLI_TEXT, OPT(finding), "ID", "hold this finding and what led to it" },
	{ "case", 0, CLI_TEXT, OPT(of_case), "ID", "hold the findings of this case and what led to them" },
	{ "from", 0, CLI_TEXT, OPT(from), "TIME", "hold everything from this time on" },
	{ "to", 0, CLI_TEXT, OPT(to), "TIME", "... and before this one (default: open)" },
	{ "sensor", 0, CLI_TEXT, OPT(sensor), "NAME", "with --from: of this sensor (default all)" },
	{ "reason", 'r', CLI_TEXT, OPT(reason), "TEXT", "file number or order; required" },
	{ "who", 0, CLI_TEXT, OPT(who), "NAME", "who asks for it (default: the user)" },
	{ "tenant", 0, CLI_TEXT, OPT(tenant), "NAME", "whose hold it is (default: default)" },
};

static const struct cli_option list_options[] = {
	{ "all", 'a', CLI_FLAG, OPT(all), NULL, "also those that were released" },
};

static const struct cli_option release_options[] = {
	{ "reason", 'r', CLI_TEXT, OPT(reason), "TEXT", "why; required" },
	{ "who", 0, CLI_TEXT, OPT(who), "NAME", "who releases it (default: the user)" },
};

#define COMMAND(verb, args, summary, rows, run)                                                                        \
	{                                                                                                              \
		"store", verb, args, summary, rows, sizeof rows / sizeof *rows, sizeof(struct store_options), run      \
	}
#define PLAIN(verb, args, summary, run)                                                                                \
	{                                                                                                              \
		"store", verb, args, summary, no_options, 0, sizeof(struct store_options), run                         \
	}

static const struct cli_command commands[] = {
	PLAIN("status", NULL, "what is kept: sizes, rows, first and last, clocks, gaps, holds", store_status),
	PLAIN("check", NULL, "every block, the database and the audit chain; changes nothing", store_check_command),
	COMMAND("backup", "DIR_OR_FILE", "a copy of one moment beside a running writer: directory, or FILE.tar.zst",
		backup_options, store_backup),
	PLAIN("restore", "BACKUP DIR", "a backup into an empty directory, when it is whole", store_restore),
	COMMAND("query", "SQL", "one SELECT over the tables, within limits", query_options, store_query_command),
	COMMAND("export", "flows|findings|signals|sources|gaps", "records as JSON lines or CSV", export_options,
		store_export),
	PLAIN("migrate", NULL, "bring the schema up to this program's, with a copy before", store_migrate),
	COMMAND("hold-add", NULL, "a legal hold: what it names is kept whatever retention says", hold_options,
		store_hold_add),
	COMMAND("hold-list", NULL, "the holds in force", list_options, store_hold_list),
	COMMAND("hold-release", "ID", "end a hold", release_options, store_hold_release),
};

const struct cli_noun store_noun = { "store", "what is kept: status, check, copies, questions, holds", commands,
	sizeof commands / sizeof *commands };
