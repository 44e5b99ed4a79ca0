// SPDX-License-Identifier: Apache-2.0
#include "cmd/console.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "cmd/run.h"
#include "role/config.h"
#include "role/deskviews.h"
#include "view/view.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUERY_MAX 16384

struct console_options {
	struct cli_list as;
};

static const struct cli_option ask_options[] = {
	{ "as", 0, CLI_LIST, CLI_FIELD(struct console_options, as), "TENANT[:ROLE[:RIGHT,...]]",
		"as somebody with this role (default viewer) in this tenant alone; rights see-dark, see-subscriber "
		"(default: everything)" },
};

/* "viewer" ..; VIEW_OPEN: no such role. */
static enum view_level level_of(const char *word, size_t n)
{
	for (int l = VIEW_VIEWER; l <= VIEW_ADMIN; l++) {
		const char *name = view_level_name((enum view_level)l);
		if (strlen(name) == n && strncmp(name, word, n) == 0)
			return (enum view_level)l;
	}
	return VIEW_OPEN;
}

/* "see-dark,see-subscriber" */
static int add_rights(struct principal *p, const char *words, struct err *err)
{
	for (size_t k; *words; words += k + (words[k] == ',')) {
		k = strcspn(words, ",");
		if (k == 8 && strncmp(words, "see-dark", k) == 0)
			p->rights |= PRINCIPAL_SEE_DARK;
		else if (k == 14 && strncmp(words, "see-subscriber", k) == 0)
			p->rights |= PRINCIPAL_SEE_SUBSCRIBER;
		else
			return err_set(err, -1, "--as knows the rights see-dark and see-subscriber");
	}
	return 0;
}

/* One --as. */
static int add_tenant(struct view_who *w, const char *text, struct err *err)
{
	struct principal *p = &w->principal;
	size_t n = strcspn(text, ":");
	const char *word = text[n] ? text + n + 1 : "viewer";
	size_t k = strcspn(word, ":");
	enum view_level level = level_of(word, k);
	if (n == 0 || n >= sizeof *p->tenants || p->n == PRINCIPAL_TENANTS)
		return err_set(err, -1, "--as takes TENANT[:ROLE[:RIGHT,...]]");
	if (level == VIEW_OPEN)
		return err_set(err, -1, "--as knows the roles viewer, analyst, approver and admin");
	snprintf(p->tenants[p->n], sizeof *p->tenants, "%.*s", (int)n, text);
	w->in[p->n++] = level;
	w->level = level > w->level ? level : w->level;
	return word[k] ? add_rights(p, word + k + 1, err) : 0;
}

static int who(struct view_who *w, const struct console_options *o, struct err *err)
{
	*w = (struct view_who){ .level = VIEW_OPEN, .language = "en" };
	snprintf(w->user, sizeof w->user, "%s", "local");
	if (!o->as.n) {
		w->level = VIEW_ADMIN;
		w->principal.all = true;
		w->principal.rights = PRINCIPAL_ADMIN | PRINCIPAL_SEE_SUBSCRIBER | PRINCIPAL_SEE_DARK;
	}
	for (size_t i = 0; i < o->as.n; i++)
		if (add_tenant(w, o->as.v[i], err) < 0)
			return -1;
	return 0;
}

/* "name=value" as it would stand in an address. */
static int add_pair(char *out, size_t size, const char *pair)
{
	size_t n = strlen(out);
	const char *eq = strchr(pair, '=');
	if (!eq)
		return -1;
	if (n && n + 1 < size)
		out[n++] = '&';
	for (const char *p = pair; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (n + 4 > size)
			return -1;
		if (isalnum(c) || p == eq || strchr("-._~:/,", c))
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02X", c);
	}
	out[n] = '\0';
	return 0;
}

static int exit_of(int rc)
{
	switch (rc) {
	case 0:
		return CLI_DONE;
	case VIEW_BAD:
	case VIEW_CONFLICT:
		return CLI_USAGE;
	case VIEW_ABSENT:
		return CLI_NEGATIVE;
	case VIEW_REFUSED:
		return CLI_REFUSED;
	default:
		return CLI_FAILED;
	}
}

static int ask_store(struct view_call *c, struct err *err)
{
	int code;
	c->store = store_open_as(c->dir, &c->who->principal, &code, err);
	if (!c->store)
		return VIEW_AWAY;
	int rc = c->view->fn(c, err);
	store_close(c->store);
	return rc;
}

static int ask(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct err err = { "" };
	struct view_who w;
	struct knowing know = { 0 };
	struct timespec now;
	char query[QUERY_MAX] = "";
	int rc = who(&w, options, &err) < 0 ? VIEW_BAD : 0;
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 1; i < argc && !rc; i++)
		if (add_pair(query, sizeof query, argv[i]) < 0)
			rc = err_set(&err, VIEW_BAD, "parameters are written name=value, and not too long");
	struct view_call c = {
		.who = &w, .now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, .seed = random_key(), .out = stdout
	};
	if (!rc)
		rc = view_find(&c, desk_views,
			&(struct view_ask){
				.method = "GET", .path = argv[0], .query = { (const uint8_t *)query, strlen(query) } },
			&err);
	if (!rc && w.level < c.view->level)
		rc = err_set(&err, VIEW_REFUSED, "that needs the role %s", view_level_name(c.view->level));
	if (!rc)
		c.dir = run_store_dir(g);
	if (!rc && (!c.dir || run_knowing(&know, (struct knowing_params){ 0 }, g, &err) < 0))
		rc = VIEW_BAD;
	c.know = &know;
	if (!rc)
		rc = ask_store(&c, &err);
	view_done(&c);
	knowing_close(&know);
	if (rc && err.text[0]) {
		char safe[1024];
		fprintf(stderr, "sakimori: %s\n", text_escape(safe, sizeof safe, err.text, strlen(err.text)));
	}
	return exit_of(rc);
}

static int openapi(const struct cli_global *g, const void *options, int argc, char **argv)
{
	view_openapi(stdout, desk_views);
	return CLI_DONE;
}

void console_reference(void)
{
	view_reference(stdout, desk_views);
}

static const struct cli_command commands[] = {
	{ "console", "ask", "PATH [NAME=VALUE...]", "what a page asks, answered from the store here and now",
		ask_options, sizeof ask_options / sizeof *ask_options, sizeof(struct console_options), ask },
	{ "console", "openapi", NULL, "the description of the interface, OpenAPI 3.1", NULL, 0, 0, openapi },
};

const struct cli_noun console_noun = { "console", "what the pages show, and the interface of programs", commands,
	sizeof commands / sizeof *commands };
