// SPDX-License-Identifier: Apache-2.0
#include "cmd/report.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "cmd/run.h"
#include "view/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct report_options {
	const char *period, *at, *lang, *tz, *format, *output;
	struct cli_list research_file, names, geo;
	uint64_t max_sources;
};

#define OPT(member) CLI_FIELD(struct report_options, member)
static const struct cli_option telescope_options[] = {
	{ "period", 0, CLI_CHOICE, OPT(period), REPORTPERIOD_WORDS, "stretch of the calendar (default week)" },
	{ "at", 0, CLI_TEXT, OPT(at), "DATE",
		"a date in it (default: the last whole one that the records reach over)" },
	{ "lang", 0, CLI_CHOICE, OPT(lang), "ja|en", "language of the report (default: that of the locale, else en)" },
	{ "tz", 0, CLI_TEXT, OPT(tz), "ZONE",
		"time zone that days begin in (default: Asia/Tokyo in Japanese, UTC in English)" },
	{ "format", 0, CLI_CHOICE, OPT(format), "html|json", "what is written (default html)" },
	{ "output", 'o', CLI_TEXT, OPT(output), "DIR|FILE",
		"a folder, made when absent, for report.html, tables/*.csv and figures/*.svg; or a file whose name "
		"ends in "
		".html or .json (default: standard output)" },
	{ "research-file", 0, CLI_LIST, OPT(research_file), "FILE",
		"acknowledged research scanners: CSV prefix or suffix,organisation[,from[,to]], or a MISP warning "
		"list" },
	{ "names", 0, CLI_LIST, OPT(names), "FILE", "reverse names that were looked up before: CSV address,name" },
	{ "geo", 0, CLI_LIST, OPT(geo), "FILE|DIR|none",
		"MMDB files with country, place or AS (default those of --config, else of tools/fetch-geo)" },
	{ "max-sources", 0, CLI_NUMBER, OPT(max_sources), "N",
		"sources that are counted exactly; with more their number is an estimate (default 4Mi)" },
};

static int complain(const char *what, int code)
{
	char safe[1024];
	if (what[0])
		fprintf(stderr, "sakimori: %s\n", text_escape(safe, sizeof safe, what, strlen(what)));
	return code;
}

/* ---- progress on a terminal ---- */

struct progress {
	bool on;
	int shown;
};

static void show(void *arg, double share)
{
	struct progress *p = arg;
	int now = (int)(share * 100);
	if (p->on && now != p->shown)
		fprintf(stderr, "\rreading flows %3d %%", now);
	p->shown = now;
}

static void progress_end(const struct progress *p)
{
	if (p->on && p->shown >= 0)
		fputs("\r\033[K", stderr);
}

/* ---- what is written ---- */

struct writer {
	const struct report *r;
	struct reporttables t;
	enum message_language l;
	bool json;
};

static void write_whole(const struct writer *w, FILE *out)
{
	if (w->json)
		report_json(out, &w->t, w->r, w->l);
	else
		reporthtml_write(out, &w->t, w->r, w->l);
}

/* A file appears whole or not at all. */
static FILE *begin(char temporary[4200], const char *path, struct err *err)
{
	snprintf(temporary, 4200, "%s.new", path);
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		err_set(err, -1, "%.200s: %s", path, strerror(errno));
	return f;
}

static int finish(FILE *f, const char *temporary, const char *path, struct err *err)
{
	bool bad = ferror(f);
	if (fclose(f) || bad || rename(temporary, path)) {
		unlink(temporary);
		return err_set(err, -1, "%.200s: %s", path, strerror(errno));
	}
	return 0;
}

static int write_file(const struct writer *w, const char *path, struct err *err)
{
	char temporary[4200];
	FILE *f = begin(temporary, path, err);
	if (!f)
		return -1;
	write_whole(w, f);
	return finish(f, temporary, path, err);
}

static int make_folder(const char *path, struct err *err)
{
	struct stat st;
	if (mkdir(path, 0755) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return 0;
	return err_set(err, -1, "%.200s: %s", path, strerror(errno));
}

static int write_parts(const struct writer *w, const char *dir, struct err *err)
{
	char path[4100], temporary[4200];
	for (size_t i = 0; i < w->t.n; i++) {
		snprintf(path, sizeof path, "%.4000s/tables/%s.csv", dir, w->t.v[i].name);
		FILE *f = begin(temporary, path, err);
		if (!f)
			return -1;
		reporttable_csv(f, &w->t.v[i]);
		if (finish(f, temporary, path, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < reportfigures_n; i++) {
		snprintf(path, sizeof path, "%.4000s/figures/%s.svg", dir, reportfigures[i].name);
		FILE *f = begin(temporary, path, err);
		if (!f)
			return -1;
		if (!reportfigure_svg(f, &reportfigures[i], &w->t, w->r, w->l, true)) {
			/* An older report of this folder may have had it. */
			fclose(f);
			unlink(temporary);
			unlink(path);
		} else if (finish(f, temporary, path, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static bool is_file(const char *path)
{
	size_t n = strlen(path);
	return n > 5 && (strcmp(path + n - 5, ".html") == 0 || strcmp(path + n - 5, ".json") == 0);
}

static int write_folder(const struct writer *w, const char *dir, struct err *err)
{
	char path[4100];
	static const char *const folders[] = { "", "/tables", "/figures" };
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%.4000s%s", dir, folders[i]);
		if (make_folder(path, err) < 0)
			return -1;
	}
	snprintf(path, sizeof path, "%.4000s/report.%s", dir, w->json ? "json" : "html");
	if (write_file(w, path, err) < 0)
		return -1;
	return write_parts(w, dir, err);
}

static int write_out(const struct writer *w, const char *output, struct err *err)
{
	if (!output || strcmp(output, "-") == 0) {
		write_whole(w, stdout);
		return 0;
	}
	return is_file(output) ? write_file(w, output, err) : write_folder(w, output, err);
}

/* ---- the command ---- */

static const char *language(const struct report_options *o)
{
	static const char *const from[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	for (size_t i = 0; i < 3 && !o->lang; i++) {
		const char *v = getenv(from[i]);
		if (v && *v)
			return strncmp(v, "ja", 2) == 0 ? "ja" : "en";
	}
	return o->lang ? o->lang : "en";
}

static int exit_of(int rc)
{
	return rc == -REPORT_BAD ? CLI_USAGE : rc == -REPORT_EMPTY ? CLI_NEGATIVE : CLI_FAILED;
}

static int make(const struct report_options *o, struct report_params *p, bool json)
{
	struct err err = { "" };
	struct report *r;
	struct writer w = { .l = messages_language(language(o)), .json = json };
	int rc = report_gather(&r, p, &err);
	progress_end(p->progress_arg);
	if (rc) {
		report_free(r);
		return complain(err.text, exit_of(rc));
	}
	w.r = r;
	reporttables_fill(&w.t, r, w.l);
	rc = write_out(&w, o->output, &err);
	reporttables_free(&w.t);
	report_free(r);
	return rc < 0 ? complain(err.text, CLI_FAILED) : CLI_DONE;
}

static int telescope(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct report_options *o = options;
	static const struct principal all = { .all = true, .rights = PRINCIPAL_ADMIN | PRINCIPAL_SEE_SUBSCRIBER };
	struct err err = { "" };
	struct knowing know;
	struct progress progress = { .on = !g->quiet && isatty(2), .shown = -1 };
	struct report_params p = { .know = &know,
		.zone = o->tz				 ? o->tz
			: strcmp(language(o), "ja") == 0 ? "Asia/Tokyo"
							 : "UTC",
		.kind = REPORT_WEEK,
		.at = o->at,
		.seed = random_key(),
		.max_sources = o->max_sources,
		.max_pairs = 2 * o->max_sources,
		.progress = show,
		.progress_arg = &progress };
	if (o->period && reportperiod_parse(o->period, &p.kind) < 0)
		return complain("--period: not one of " REPORTPERIOD_WORDS, CLI_USAGE);
	const struct knowing_params files = { .research = { o->research_file.v, o->research_file.n },
		.names = { o->names.v, o->names.n },
		.geo = { o->geo.v, o->geo.n } };
	const char *dir = run_store_dir(g);
	if (!dir || run_knowing(&know, files, g, &err) < 0) {
		if (dir)
			knowing_close(&know);
		return complain(err.text, CLI_USAGE);
	}
	int code;
	p.store = store_open_as(dir, &all, &code, &err);
	if (p.store)
		code = make(o, &p, g->json || (o->format && strcmp(o->format, "json") == 0));
	else
		code = complain(err.text, CLI_FAILED);
	store_close(p.store);
	knowing_close(&know);
	return code;
}

static const struct cli_command commands[] = {
	{ "report", "telescope", NULL, "what dark space saw in a day, week, quarter, half year or year",
		telescope_options, sizeof telescope_options / sizeof *telescope_options, sizeof(struct report_options),
		telescope },
};

const struct cli_noun report_noun = { "report", "reports with tables and figures, in Japanese and English", commands,
	sizeof commands / sizeof *commands };
