// SPDX-License-Identifier: Apache-2.0
/* store query: SQL over the views of the store, as a table, JSON lines or CSV. */
#include "base/json.h"
#include "base/text.h"
#include "cmd/run.h"
#include "cmd/store.h"
#include "role/client.h"
#include "store/query.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static atomic_bool cancelled;

static void cancel(int sig)
{
	atomic_store(&cancelled, true);
}

struct printer {
	enum { AS_TABLE, AS_JSON, AS_CSV } as;
	struct json j;
};

static void cell_json(struct json *j, const char *name, const struct store_value *v)
{
	switch (v->type) {
	case STORE_NULL:
		json_null(j, name);
		break;
	case STORE_INTEGER:
		json_i64(j, name, v->integer);
		break;
	case STORE_REAL:
		json_double(j, name, v->real);
		break;
	case STORE_TEXT:
		json_strn(j, name, (const char *)v->bytes.p, v->bytes.n);
		break;
	case STORE_BLOB:
		json_hex(j, name, v->bytes.p, v->bytes.n);
		break;
	}
}

/* RFC 4180; a text that a spreadsheet would take for a formula begins with an apostrophe. */
static void text_csv(const char *p, size_t n)
{
	bool formula = n && (*p == '=' || *p == '+' || *p == '-' || *p == '@' || *p == '\t' || *p == '\r');
	putchar('"');
	if (formula)
		putchar('\'');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			putchar('"');
		putchar(p[i]);
	}
	putchar('"');
}

static void cell_text(const struct store_value *v, bool csv)
{
	char safe[4 * 4096];
	switch (v->type) {
	case STORE_NULL:
		break;
	case STORE_INTEGER:
		printf("%" PRId64, v->integer);
		break;
	case STORE_REAL:
		printf("%.17g", v->real);
		break;
	case STORE_TEXT:
		if (csv)
			text_csv((const char *)v->bytes.p, v->bytes.n);
		else
			fputs(text_escape(safe, sizeof safe, (const char *)v->bytes.p, v->bytes.n), stdout);
		break;
	case STORE_BLOB:
		for (size_t i = 0; i < v->bytes.n; i++)
			printf("%02x", v->bytes.p[i]);
		break;
	}
}

static int print_row(void *arg, const char *const *names, const struct store_value *values, size_t n)
{
	struct printer *p = arg;
	if (p->as == AS_JSON && !values)
		return 0;
	if (p->as == AS_JSON)
		json_object(&p->j, NULL);
	for (size_t i = 0; i < n; i++) {
		struct store_value name = { .type = STORE_TEXT,
			.bytes = { (const uint8_t *)names[i], strlen(names[i]) } };
		if (p->as == AS_JSON) {
			cell_json(&p->j, names[i], &values[i]);
			continue;
		}
		if (i)
			putchar(p->as == AS_CSV ? ',' : '\t');
		cell_text(values ? &values[i] : &name, p->as == AS_CSV);
	}
	if (p->as == AS_JSON) {
		json_end(&p->j, '}');
		json_line(&p->j);
	} else {
		putchar('\n');
	}
	return ferror(stdout);
}

/* The files are not for this user, but there is a daemon to ask. */
static bool may_only_ask(const char *dir)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/store.db", dir);
	if (access(path, R_OK) == 0 || errno != EACCES)
		return false;
	snprintf(path, sizeof path, "%s/query.sock", dir);
	return access(path, R_OK | W_OK) == 0;
}

int store_query_command(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct store_options *o = options;
	static const char *const why[] = { "", "rows (--rows)", "time (--time)", "memory (--memory)",
		"patience: interrupted" };
	struct printer p = { .as = g->json ? AS_JSON : o->csv ? AS_CSV : AS_TABLE };
	struct store_query q = {
		.limits = { o->rows, o->time_ms, o->memory_mib << 20, &cancelled }, .fn = print_row, .arg = &p
	};
	struct err err = { "" };
	char said[160];
	int code;
	const char *dir = run_store_dir(g);
	if (!dir)
		return CLI_USAGE;
	bool ask = o->ask || may_only_ask(dir);
	struct store *s = ask ? NULL : store_open_for(g, STORE_READ, &code);
	if (!s && !ask)
		return code;
	json_init(&p.j, stdout);
	signal(SIGINT, cancel);
	int rc = ask ? client_ask(dir, argv[0], &q, &err) : store_query(s, argv[0], &q, &err);
	store_close(s);
	if (rc)
		return store_complain(err.text, rc == -STORE_BAD ? CLI_USAGE : CLI_FAILED);
	if (q.cut == STORE_WHOLE)
		return CLI_DONE;
	snprintf(said, sizeof said, "cut after %" PRIu64 " rows: at the limit of %s", q.rows, why[q.cut]);
	return store_complain(said, CLI_NEGATIVE);
}
