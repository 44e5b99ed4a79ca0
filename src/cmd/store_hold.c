// SPDX-License-Identifier: Apache-2.0
/* store hold-add, hold-list, hold-release: what retention must leave alone. */
#include "base/text.h"
#include "base/uuid.h"
#include "base/zone.h"
#include "cmd/run.h"
#include "role/client.h"
#include "cmd/store.h"
#include "model/hold.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void user_name(char *out, size_t size, const char *given)
{
	struct passwd *pw = given ? NULL : getpwuid(getuid());
	if (given || pw)
		snprintf(out, size, "%s", given ? given : pw->pw_name);
	else
		snprintf(out, size, "uid %u", (unsigned)getuid());
}

static int fill_times(const struct store_options *o, struct hold *h)
{
	if (o->from && run_time(o->from, &h->from_ns) < 0)
		return store_complain("--from takes RFC 3339, a date, seconds since 1970, now or now-24h", CLI_USAGE);
	if (o->to && (!o->from || run_time(o->to, &h->to_ns) < 0 || h->to_ns <= h->from_ns))
		return store_complain("--to takes a time behind --from", CLI_USAGE);
	return 0;
}

static int fill(const struct store_options *o, struct hold *h)
{
	int ways = (o->finding != NULL) + (o->of_case != NULL) + (o->from != NULL);
	const char *what = o->finding ? "finding" : o->of_case ? "case" : "range";
	const char *subject = o->finding ? o->finding : o->of_case ? o->of_case : o->sensor;
	subject = subject ? subject : "";
	if (ways != 1)
		return store_complain("a hold takes one of --finding, --case, --from", CLI_USAGE);
	if (!o->reason || !o->reason[0])
		return store_complain("--reason is required: a file number or an order", CLI_USAGE);
	if (strlen(subject) >= sizeof h->subject || strlen(o->reason) >= sizeof h->reason)
		return store_complain("id, sensor or reason is too long", CLI_USAGE);
	h->since_ns = store_now_ns();
	uuid_new(h->id, h->since_ns);
	snprintf(h->what, sizeof h->what, "%s", what);
	snprintf(h->subject, sizeof h->subject, "%s", subject);
	snprintf(h->reason, sizeof h->reason, "%s", o->reason);
	snprintf(h->tenant, sizeof h->tenant, "%s", o->tenant ? o->tenant : "default");
	user_name(h->who, sizeof h->who, o->who);
	return fill_times(o, h);
}

static void show(const struct cli_global *g, const struct hold *h)
{
	struct json j;
	char from[TEXT_TIME_MAX], to[TEXT_TIME_MAX], line[1400], safe[4 * sizeof line];
	if (g->json) {
		json_init(&j, stdout);
		row_json(&j, NULL, &hold_kind, h);
		json_line(&j);
		return;
	}
	if (strcmp(h->what, "range") == 0)
		snprintf(line, sizeof line, "%s  range %s .. %s of %s", h->id, zone_text(from, h->from_ns),
			h->to_ns ? zone_text(to, h->to_ns) : "open", h->subject[0] ? h->subject : "all sensors");
	else
		snprintf(line, sizeof line, "%s  %s %s", h->id, h->what, h->subject);
	size_t n = strlen(line);
	snprintf(line + n, sizeof line - n, "  (%s, %s)%s", h->who, h->reason, h->until_ns ? "  released" : "");
	puts(text_escape(safe, sizeof safe, line, strlen(line)));
}

static int write_hold(const struct cli_global *g, const struct hold *h, const char *what, const char *who)
{
	struct err err = { "" };
	int code;
	const char *dir = run_store_dir(g);
	struct err why = { "" };
	if (!dir)
		return CLI_USAGE;
	if (client_hold(dir, h, what, &why) == 0) {
		show(g, h);
		return CLI_DONE;
	}
	struct store *s = store_open_for(g, STORE_WRITE, &code);
	if (!s)
		return code;
	/* The line in the audit first: a hold without one would be worse than the reverse. */
	int rc = store_audit(s, store_now_ns(), who, what, h->id, &err);
	if (!rc)
		rc = store_put(s, &hold_kind, h, &err);
	store_close(s);
	if (rc)
		return store_complain(err.text, CLI_FAILED);
	show(g, h);
	return CLI_DONE;
}

int store_hold_add(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct hold h = { .id = "" };
	int code = fill(options, &h);
	return code ? code : write_hold(g, &h, "hold-add", h.who);
}

struct list {
	const struct cli_global *g;
	bool all;
	int64_t now_ns;
};

static int list_one(void *arg, const void *record)
{
	struct list *l = arg;
	const struct hold *h = record;
	if (l->all || !h->until_ns || h->until_ns > l->now_ns)
		show(l->g, h);
	return 0;
}

int store_hold_list(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct store_options *o = options;
	struct list l = { g, o->all, store_now_ns() };
	struct err err = { "" };
	int code;
	struct store *s = store_open_for(g, STORE_READ, &code);
	if (!s)
		return code;
	int rc = store_each(s, &hold_kind, list_one, &l, &err);
	store_close(s);
	return rc ? store_complain(err.text, CLI_FAILED) : CLI_DONE;
}

struct find {
	const char *id;
	struct hold hold;
	bool found;
};

static int find_one(void *arg, const void *record)
{
	struct find *f = arg;
	const struct hold *h = record;
	if (strcmp(h->id, f->id) == 0) {
		f->hold = *h;
		f->found = true;
	}
	return 0;
}

int store_hold_release(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct store_options *o = options;
	struct find f = { .id = argv[0] };
	struct err err = { "" };
	char who[64];
	int code;
	if (!o->reason || !o->reason[0])
		return store_complain("--reason is required", CLI_USAGE);
	struct store *s = store_open_for(g, STORE_READ, &code);
	if (!s)
		return code;
	int rc = store_each(s, &hold_kind, find_one, &f, &err);
	store_close(s);
	if (rc)
		return store_complain(err.text, CLI_FAILED);
	if (!f.found)
		return store_complain("there is no hold of this id: see store hold-list", CLI_NEGATIVE);
	if (f.hold.until_ns)
		return store_complain("this hold was released before", CLI_NEGATIVE);
	f.hold.until_ns = store_now_ns();
	user_name(who, sizeof who, o->who);
	size_t n = strlen(f.hold.reason);
	snprintf(f.hold.reason + n, sizeof f.hold.reason - n, "; released by %s: %s", who, o->reason);
	return write_hold(g, &f.hold, "hold-release", who);
}
