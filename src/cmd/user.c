// SPDX-License-Identifier: Apache-2.0
#include "cmd/user.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/zone.h"
#include "cmd/auditing.h"
#include "cmd/run.h"
#include "cmd/store.h"
#include "role/accounts.h"
#include "role/client.h"
#include "role/firstlogin.h"
#include "role/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct user_options {
	struct cli_list roles, rights;
	const char *language;
	bool once;
};

#define MAY_OPTIONS                                                                                                    \
	{ "role", 0, CLI_LIST, CLI_FIELD(struct user_options, roles), "TENANT ROLE",                                   \
		"what he may in a tenant (`*`: in all): viewer, analyst, approver, admin" },                           \
		{ "right", 0, CLI_LIST, CLI_FIELD(struct user_options, rights), "RIGHT",                               \
			"see-subscriber: who is behind an address; see-dark: dark addresses as they are" },            \
	{                                                                                                              \
		"language", 0, CLI_CHOICE, CLI_FIELD(struct user_options, language), "en|ja",                          \
			"of his pages (default: what his browser asks for)"                                            \
	}

static const struct cli_option add_options[] = { MAY_OPTIONS };
static const struct cli_option password_options[] = {
	{ "once", 0, CLI_FLAG, CLI_FIELD(struct user_options, once), NULL,
		"make one that is good for one login, and print it" },
};

static int complain(const char *what, int code)
{
	char safe[1024];
	fprintf(stderr, "sakimori user: %s\n", text_escape(safe, sizeof safe, what, strlen(what)));
	return code;
}

/* ---- writing: by the daemon that keeps the store, or here ---- */

static int write_here(
	const struct cli_global *g, const struct row_kind *kind, const void *record, const struct store_note *note)
{
	struct err err = { "" };
	int code;
	struct store *s = store_open_for(g, STORE_WRITE, &code);
	if (!s)
		return code;
	int rc = store_put_noted(s, kind, record, note, &err);
	store_close(s);
	if (rc)
		return complain(err.text, CLI_FAILED);
	const struct credential *c = record;
	if (kind == &credential_kind && strncmp(c->subject, "user ", 5) == 0)
		firstlogin_over(run_store_dir(g), c->subject + 5);
	return 0;
}

static int put(const struct cli_global *g, const struct row_kind *kind, const void *record, const char *what,
	const char *subject)
{
	char who[160];
	struct err err = { "" };
	const char *dir = run_store_dir(g);
	struct store_note note = { store_now_ns(), auditing_who(who, sizeof who), what, subject };
	if (!dir)
		return CLI_USAGE;
	if (accounts_check(kind, record, &err) < 0)
		return complain(err.text, CLI_USAGE);
	int rc = client_record(dir, &note, kind, record, &err);
	if (rc == -STORE_ABSENT)
		return write_here(g, kind, record, &note);
	return rc ? complain(err.text, CLI_FAILED) : 0;
}

static int put_password(const struct cli_global *g, const char *user, const char *password, bool once)
{
	struct credential c = { .since_ns = store_now_ns(), .once = once };
	struct err err = { "" };
	snprintf(c.subject, sizeof c.subject, "user %s", user);
	if (proof_password(c.hash, password, &err) < 0)
		return complain(err.text, CLI_FAILED);
	int code = put(g, &credential_kind, &c, once ? "password-once" : "password-of", user);
	proof_wipe(&c, sizeof c);
	return code;
}

static int print_once(const struct cli_global *g, const char *user, const char *password)
{
	struct json j;
	if (!g->json) {
		puts(password);
		return CLI_DONE;
	}
	json_init(&j, stdout);
	json_object(&j, NULL);
	json_str(&j, "user", user);
	json_str(&j, "password", password);
	json_end(&j, '}');
	json_line(&j);
	return CLI_DONE;
}

static int give_once(const struct cli_global *g, const char *user)
{
	char once[PROOF_ONCE];
	proof_once(once);
	int code = put_password(g, user, once, true);
	if (!code)
		print_once(g, user, once);
	proof_wipe(once, sizeof once);
	return code;
}

/* ---- reading ---- */

/* 0, 1: there is none, or an enum cli_exit with a message. */
static int look_up(const struct cli_global *g, const struct row_kind *kind, const char *key, void *out, int *code)
{
	struct err err = { "" };
	struct store *s = store_open_for(g, STORE_READ, code);
	if (!s)
		return -1;
	int rc = store_find(s, kind, key, out, &err);
	store_close(s);
	if (rc < 0)
		*code = complain(err.text, CLI_FAILED);
	return rc;
}

static int the_user(const struct cli_global *g, const char *name, struct user *out)
{
	int code = CLI_DONE;
	int rc = look_up(g, &user_kind, name, out, &code);
	return rc < 0 ? code : rc ? complain("there is no such user: see user list", CLI_NEGATIVE) : 0;
}

/* ---- list ---- */

static void print_list(const char *list, const char *none)
{
	char item[256], safe[1024];
	bool any = false;
	for (const char *at = list; row_list_next(&at, item, sizeof item); any = true)
		printf("%s%s", any ? ", " : "  ", text_escape(safe, sizeof safe, item, strlen(item)));
	if (!any && none)
		printf("  %s", none);
}

static int show_user(void *arg, const void *record)
{
	const struct cli_global *g = arg;
	const struct user *u = record;
	char safe[4 * USER_NAME_MAX];
	struct json j;
	if (g->json) {
		json_init(&j, stdout);
		row_json(&j, NULL, &user_kind, u);
		json_line(&j);
		return 0;
	}
	printf("%s  %s", text_escape(safe, sizeof safe, u->name, strlen(u->name)), u->state);
	print_list(u->roles, "no role");
	print_list(u->rights, NULL);
	putchar('\n');
	return 0;
}

static int each(
	const struct cli_global *g, const struct row_kind *kind, int (*fn)(void *arg, const void *record), void *arg)
{
	struct err err = { "" };
	int code;
	struct store *s = store_open_for(g, STORE_READ, &code);
	if (!s)
		return code;
	int rc = store_each(s, kind, fn, arg, &err);
	store_close(s);
	return rc ? complain(err.text, CLI_FAILED) : CLI_DONE;
}

static int list(const struct cli_global *g, const void *options, int argc, char **argv)
{
	return each(g, &user_kind, show_user, (void *)g);
}

/* ---- add, change ---- */

/* Each may hold several, by commas. */
static int gather(const struct cli_list *l, const char *name, char *out, size_t size,
	int (*read)(const char *text, char *out, size_t size, struct err *err))
{
	char text[4096] = "";
	struct err err = { "" };
	size_t n = 0;
	if (!l->n)
		return 0;
	for (size_t i = 0; i < l->n && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s,", l->v[i]);
	int rc = n < sizeof text ? read(text, out, size, &err) : err_set(&err, -1, "too many");
	if (rc < 0)
		return complain((err_prefix(&err, 0, "%s", name), err.text), CLI_USAGE);
	return 0;
}

static int fill(const struct user_options *o, struct user *u)
{
	int code = gather(&o->roles, "--role", u->roles, sizeof u->roles, accounts_roles);
	if (!code)
		code = gather(&o->rights, "--right", u->rights, sizeof u->rights, accounts_rights);
	if (o->language)
		snprintf(u->language, sizeof u->language, "%s", o->language);
	return code;
}

static int add(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct user u = { .state = "active", .created_ns = store_now_ns() }, other;
	int code = fill(options, &u);
	if (code)
		return code;
	if (!accounts_name_is(argv[0]))
		return complain("a user's name: letters, digits, . _ - @, 63 at most", CLI_USAGE);
	snprintf(u.name, sizeof u.name, "%s", argv[0]);
	u.changed_ns = u.created_ns;
	int rc = look_up(g, &user_kind, u.name, &other, &code);
	if (rc <= 0)
		return rc < 0 ? code : complain("there is such a user", CLI_NEGATIVE);
	code = put(g, &user_kind, &u, "user-add", u.name);
	return code ? code : give_once(g, u.name);
}

static int change(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct user_options *o = options;
	struct user u = { 0 };
	if (!o->roles.n && !o->rights.n && !o->language)
		return complain("nothing to change: name --role, --right or --language", CLI_USAGE);
	int code = the_user(g, argv[0], &u);
	if (!code)
		code = fill(o, &u);
	return code ? code : put(g, &user_kind, &u, "user-change", u.name);
}

static int set_state(const struct cli_global *g, const char *name, const char *state)
{
	struct user u = { 0 };
	int code = the_user(g, name, &u);
	if (code || strcmp(u.state, state) == 0)
		return code;
	int64_t now = store_now_ns();
	snprintf(u.state, sizeof u.state, "%s", state);
	u.changed_ns = now > u.changed_ns ? now : u.changed_ns + 1;
	return put(g, &user_kind, &u, "user-change", u.name);
}

static int disable(const struct cli_global *g, const void *options, int argc, char **argv)
{
	return set_state(g, argv[0], "disabled");
}

static int enable(const struct cli_global *g, const void *options, int argc, char **argv)
{
	return set_state(g, argv[0], "active");
}

/* ---- password ---- */

/* A line without its end; false: there was none, or it is too long. */
static bool read_line(char *out, size_t size)
{
	if (!fgets(out, (int)size, stdin))
		return false;
	size_t n = strcspn(out, "\n");
	bool whole = out[n] == '\n' || feof(stdin);
	out[n] = '\0';
	return whole;
}

/* From a terminal twice, and without echo. */
static bool read_password(char *out, size_t size)
{
	struct termios before, quiet;
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
		return read_line(out, size);
	char *again = mem_new(size);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs("new password: ", stderr);
	bool good = read_line(out, size);
	fputs("\nagain: ", stderr);
	good = good && read_line(again, size);
	fputc('\n', stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	if (good && strcmp(out, again) != 0) {
		fputs("sakimori: these are not the same\n", stderr);
		good = false;
	}
	proof_wipe(again, size);
	free(again);
	return good;
}

/* His sessions and tokens end with the password before. */
static int renew(const struct cli_global *g, struct user *u)
{
	int64_t now = store_now_ns();
	u->changed_ns = now > u->changed_ns ? now : u->changed_ns + 1;
	return put(g, &user_kind, u, "user-renew", u->name);
}

static int password(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct user_options *o = options;
	char text[4 * PROOF_PASSWORD_MAX + 2];
	struct user u = { 0 };
	int code = the_user(g, argv[0], &u);
	if (code)
		return code;
	if (o->once) {
		code = renew(g, &u);
		return code ? code : give_once(g, u.name);
	}
	if (!read_password(text, sizeof text))
		return complain("no password was given", CLI_USAGE);
	const char *fault = proof_password_fault(u.name, text);
	code = fault ? complain(fault, CLI_USAGE) : renew(g, &u);
	if (!code)
		code = put_password(g, u.name, text, false);
	proof_wipe(text, sizeof text);
	return code;
}

/* ---- tokens ---- */

struct tokens {
	const struct cli_global *g;
	const char *user; /* NULL: of all */
};

static int show_token(void *arg, const void *record)
{
	const struct tokens *l = arg;
	const struct token *t = record;
	char until[TEXT_TIME_MAX], safe[4 * sizeof t->label], name[4 * USER_NAME_MAX];
	struct json j;
	if (l->user && strcmp(l->user, t->user) != 0)
		return 0;
	if (l->g->json) {
		json_init(&j, stdout);
		row_json(&j, NULL, &token_kind, t);
		json_line(&j);
		return 0;
	}
	printf("%s  %s  %s %s  %s", t->id, text_escape(name, sizeof name, t->user, strlen(t->user)),
		t->until_ns > store_now_ns() ? "until" : "ended", zone_text(until, t->until_ns),
		text_escape(safe, sizeof safe, t->label, strlen(t->label)));
	print_list(t->scope, NULL);
	print_list(t->roles, "all that he may");
	putchar('\n');
	return 0;
}

static int token_list(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct tokens l = { g, argc ? argv[0] : NULL };
	return each(g, &token_kind, show_token, &l);
}

static int token_revoke(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct token t;
	int code = CLI_DONE;
	int rc = look_up(g, &token_kind, argv[0], &t, &code);
	if (rc)
		return rc < 0 ? code : complain("there is no such token: see user token-list", CLI_NEGATIVE);
	int64_t now = store_now_ns();
	if (t.until_ns <= now)
		return CLI_DONE;
	t.until_ns = now;
	return put(g, &token_kind, &t, "token-revoke", t.id);
}

/* ---- the table ---- */

static int begin(const struct cli_global *g, const void *options, int argc, char **argv,
	int (*run)(const struct cli_global *g, const void *options, int argc, char **argv))
{
	proof_init();
	return run(g, options, argc, argv);
}

#define WITH_PROOF(name)                                                                                               \
	static int name##_command(const struct cli_global *g, const void *options, int argc, char **argv)              \
	{                                                                                                              \
		return begin(g, options, argc, argv, name);                                                            \
	}
WITH_PROOF(add)
WITH_PROOF(password)

#define OPTIONS(o) o, sizeof o / sizeof *o, sizeof(struct user_options)

static const struct cli_command commands[] = {
	{ "user", "list", NULL, "list the users of the console", NULL, 0, 0, list },
	{ "user", "add", "NAME", "add a user; print his password, which is good for one login", OPTIONS(add_options),
		add_command },
	{ "user", "change", "NAME", "change what a user may: what is named takes the place of what was",
		OPTIONS(add_options), change },
	{ "user", "password", "NAME",
		"set a user's password, read from the terminal or standard input; his sessions and "
		"tokens end",
		OPTIONS(password_options), password_command },
	{ "user", "disable", "NAME", "let a user in no more; his sessions end", NULL, 0, 0, disable },
	{ "user", "enable", "NAME", "let a user in again", NULL, 0, 0, enable },
	{ "user", "token-list", "[NAME]", "list the tokens of programs", NULL, 0, 0, token_list },
	{ "user", "token-revoke", "ID", "end a token", NULL, 0, 0, token_revoke },
};

const struct cli_noun user_noun = { "user", "who may use the console", commands, sizeof commands / sizeof *commands };
