// SPDX-License-Identifier: Apache-2.0
/*
 * Commands on findings and cases (findingsay, casesay), one after the other on one store: who may, what is refused, and
 * what is there then (lookup), with ids that sort by time (uuid).
 */
#include "model/user.h"
#include "store/store.h"
#include "view/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>
#include <sys/stat.h>

#define NOW    (INT64_C(1790000000) * 1000000000)
#define SECOND INT64_C(1000000000)

static char dir[64];
static struct store *writer;
static char ids[8][40]; /* of findings, by the letter of a path; the case opened last is under C */

enum { WATCH, SUSPECT, OTHER, AGAIN, ATTACKED, MORE, SCAN };
static const struct {
	char letter;
	enum finding_kind kind;
	const char *subject, *sensor;
	int64_t first_ns;
} findings[] = {
	[WATCH] = { 'W', FINDING_OWN_WATCH, "203.0.113.5", "sa", NOW - 50 * SECOND },
	[SUSPECT] = { 'S', FINDING_OWN_SUSPECT, "203.0.113.6", "sa", NOW - 40 * SECOND },
	[OTHER] = { 'O', FINDING_OWN_SUSPECT, "203.0.113.7", "sb", NOW - 30 * SECOND },
	[AGAIN] = { 'A', FINDING_OWN_SUSPECT, "203.0.113.6", "sa", NOW - 20 * SECOND },
	[ATTACKED] = { 'V', FINDING_OWN_ATTACKED, "203.0.113.8", "sa", NOW - 10 * SECOND },
	[MORE] = { 'M', FINDING_OWN_SUSPECT, "203.0.113.5", "sa", NOW - 9 * SECOND },
	[SCAN] = { 'N', FINDING_SCAN, "198.51.100.1", "sa", NOW - 8 * SECOND },
};

static struct view_who people[] = {
	{ .user = "ana",
		.level = VIEW_ANALYST,
		.in = { VIEW_ANALYST },
		.principal = { .tenants = { "a" }, .n = 1, .rights = PRINCIPAL_SEE_SUBSCRIBER } },
	{ .user = "vic",
		.level = VIEW_VIEWER,
		.in = { VIEW_VIEWER },
		.principal = { .tenants = { "a" }, .n = 1, .rights = PRINCIPAL_SEE_SUBSCRIBER } },
	{ .user = "noa", .level = VIEW_ANALYST, .in = { VIEW_ANALYST }, .principal = { .tenants = { "a" }, .n = 1 } },
	{ .user = "bob",
		.level = VIEW_ADMIN,
		.in = { VIEW_ADMIN },
		.principal = { .tenants = { "b" }, .n = 1, .rights = PRINCIPAL_SEE_SUBSCRIBER } },
	/* Admin of one tenant and viewer of the other. */
	{ .user = "mix",
		.level = VIEW_ADMIN,
		.in = { VIEW_VIEWER, VIEW_ADMIN },
		.principal = { .tenants = { "a", "b" }, .n = 2, .rights = PRINCIPAL_SEE_SUBSCRIBER } },
	{ .user = "root",
		.level = VIEW_ADMIN,
		.principal = { .all = true,
			.rights = PRINCIPAL_ADMIN | PRINCIPAL_SEE_SUBSCRIBER | PRINCIPAL_SEE_DARK } },
};

static const struct step {
	const char *name, *who, *method, *path, *form;
	int want;
	const char *has; /* in the answer, or of what was refused in its reason */
} steps[] = {
	/* findings */
	{ "a comment", "ana", "POST", "/findings/W/comment", "text=looks+odd%0Asecond+line", 0, "\"who\":\"ana\"" },
	{ "is there", "vic", "GET", "/findings/W", "", 0, "looks odd\\u000asecond line" },
	{ "a viewer", "vic", "POST", "/findings/W/comment", "text=hello", VIEW_REFUSED, "analyst" },
	{ "another tenant", "bob", "POST", "/findings/W/comment", "text=hello", VIEW_ABSENT, "no such finding" },
	{ "admin of another tenant", "mix", "POST", "/findings/W/comment", "text=hello", VIEW_REFUSED, "analyst" },
	{ "admin of that tenant", "mix", "POST", "/findings/O/comment", "text=hello", 0, "\"tenant\":\"b\"" },
	{ "no such", "ana", "POST", "/findings/00000000000000000000000000000000/comment", "text=x", VIEW_ABSENT, "" },
	{ "nothing to say", "ana", "POST", "/findings/W/comment", "text=", VIEW_BAD, "text" },
	{ "blanks", "ana", "POST", "/findings/W/comment", "text=+%0A%E3%80%80", VIEW_BAD, "too short" },
	{ "control characters", "ana", "POST", "/findings/W/comment", "text=a%1B%5B31m", VIEW_BAD, "control" },
	{ "C1 controls", "ana", "POST", "/findings/W/comment", "text=a%C2%9B31m", VIEW_BAD, "control" },
	{ "bidi", "ana", "POST", "/findings/W/comment", "text=a%E2%80%AEb", VIEW_BAD, "control" },
	{ "invalid UTF-8", "ana", "POST", "/findings/W/comment", "text=%FF", VIEW_BAD, "UTF-8" },
	{ "script is text", "ana", "POST", "/findings/W/comment", "text=%3Cscript%3E%22", 0, "<script>\\\"" },
	{ "assigned", "ana", "POST", "/findings/W/assign", "user=ana", 0, "\"text\":\"ana\"" },
	{ "to nobody known", "ana", "POST", "/findings/W/assign", "user=eve", VIEW_BAD, "no such user" },
	{ "to one of another tenant", "ana", "POST", "/findings/W/assign", "user=bob", VIEW_BAD, "no such user" },
	{ "to one who is disabled", "ana", "POST", "/findings/W/assign", "user=off", VIEW_BAD, "no such user" },
	{ "to one of all tenants", "ana", "POST", "/findings/W/assign", "user=root", 0, "" },
	{ "shows", "ana", "GET", "/findings", "assigned=root&from=now-2h", 0, "\"total\":1," },
	{ "taken back", "ana", "POST", "/findings/W/assign", "user=", 0, "" },
	{ "shows too", "ana", "GET", "/findings", "assigned=root&from=now-2h", 0, "\"total\":0," },
	{ "mute without a reason", "ana", "POST", "/findings/S/mute", "until=2026-10-01", VIEW_BAD, "reason" },
	{ "a reason too short", "ana", "POST", "/findings/S/mute", "reason=no&until=2026-10-01", VIEW_BAD, "reason" },
	{ "mute for ever", "ana", "POST", "/findings/S/mute", "reason=known&until=2027-10-01", VIEW_BAD, "90 days" },
	{ "mute until yesterday", "ana", "POST", "/findings/S/mute", "reason=known&until=2026-09-01", VIEW_BAD,
		"to come" },
	{ "unmute what isn't muted", "ana", "POST", "/findings/S/unmute", "", VIEW_CONFLICT, "isn't muted" },
	{ "six are open", "ana", "GET", "/findings", "state=open&from=now-2h", 0, "\"total\":6," },
	{ "mute", "ana", "POST", "/findings/S/mute", "reason=a+test+device&until=2026-10-01", 0,
		"\"until\":\"2026-10-01" },
	{ "mutes the next event too", "ana", "GET", "/findings", "state=muted&from=now-2h", 0, "\"total\":2," },
	{ "four are open", "ana", "GET", "/findings", "state=open&from=now-2h", 0, "\"total\":4," },
	{ "not the other tenant's", "bob", "GET", "/findings", "state=muted&from=now-2h", 0, "\"total\":0," },
	{ "masked: that finding alone", "noa", "GET", "/findings", "state=muted&from=now-2h", 0, "\"total\":1," },
	{ "of one that it wasn't said of", "ana", "GET", "/findings/A", "", 0, "\"muted_until\":\"2026-10-01" },
	{ "unmute by another event", "ana", "POST", "/findings/A/unmute", "", 0, "\"kind\":\"unmute\"" },
	{ "none is muted", "ana", "GET", "/findings", "state=muted&from=now-2h", 0, "\"total\":0," },
	/* cases */
	{ "a case of a viewer", "vic", "POST", "/cases", "findings=S", VIEW_REFUSED, "analyst" },
	{ "without the right", "noa", "POST", "/cases", "findings=S", VIEW_REFUSED, "see-subscriber" },
	{ "another tenant's finding", "ana", "POST", "/cases", "findings=O", VIEW_ABSENT, "no such finding" },
	{ "of two tenants", "root", "POST", "/cases", "findings=S,O", VIEW_BAD, "tenants" },
	{ "of two addresses", "ana", "POST", "/cases", "findings=S,W", VIEW_BAD, "different addresses" },
	{ "of a victim", "ana", "POST", "/cases", "findings=V", VIEW_BAD, "attacked" },
	{ "of a scan", "ana", "POST", "/cases", "findings=N", VIEW_BAD, "own-watch" },
	{ "confirmed", "ana", "POST", "/cases", "findings=S&state=confirmed", VIEW_REFUSED, "forged" },
	{ "suspected by one packet", "ana", "POST", "/cases", "findings=W&state=suspected", VIEW_REFUSED,
		"own-suspect" },
	{ "a case", "ana", "POST", "/cases", "findings=S&holder=ana&due=2026-10-01&next_step=ask+the+lab&note=first", 0,
		"\"state\":\"suspected\"" },
	{ "one infection is one case", "ana", "POST", "/cases", "findings=A", VIEW_CONFLICT, "C" },
	{ "own shows it", "ana", "GET", "/own", "from=now-2h", 0, "\"case\":\"C\"" },
	{ "the finding too", "ana", "GET", "/findings/S", "", 0, "\"cases\":[\"C\"]" },
	{ "with its remark", "ana", "GET", "/cases/C", "", 0,
		"holder: ana\\u000adue: 2026-10-01T00:00:00Z\\u000afirst" },
	{ "masked", "noa", "GET", "/cases/C", "", 0, "\"party\":\"(masked)\",\"devices\":[\"(masked)\"]" },
	{ "another tenant looks", "bob", "GET", "/cases/C", "", VIEW_ABSENT, "" },
	{ "another tenant changes", "bob", "POST", "/cases/C", "note=hello", VIEW_ABSENT, "" },
	{ "masked changes", "noa", "POST", "/cases/C", "note=hello", VIEW_REFUSED, "see-subscriber" },
	{ "a finding more", "ana", "POST", "/cases/C", "findings=A", 0, "finding: A" },
	{ "nothing", "ana", "POST", "/cases/C", "", VIEW_BAD, "nothing" },
	{ "confirmed later", "ana", "POST", "/cases/C", "state=confirmed", VIEW_REFUSED, "forged" },
	{ "changed meanwhile", "ana", "POST", "/cases/C", "note=x&seen=2026-09-01", VIEW_CONFLICT, "meanwhile" },
	{ "down to watch", "ana", "POST", "/cases/C", "state=watch&seen=2026-12-01", 0, "state: suspected -> watch" },
	{ "closed without a code", "ana", "POST", "/cases/C", "state=closed", VIEW_BAD, "close_code" },
	{ "an unknown code", "ana", "POST", "/cases/C", "close_code=bored", VIEW_BAD, "close_code" },
	{ "a code while open", "ana", "POST", "/cases/C", "state=watch&close_code=gone", VIEW_BAD, "close_code" },
	{ "two lines", "ana", "POST", "/cases/C", "holder=a%0Ab", VIEW_BAD, "one line" },
	{ "closed", "ana", "POST", "/cases/C", "close_code=cleaned&note=new+firmware", 0,
		"\"close_code\":\"cleaned\"" },
	{ "closed twice", "ana", "POST", "/cases/C", "close_code=gone", VIEW_CONFLICT, "closed already" },
	{ "own shows none", "ana", "GET", "/own", "from=now-2h&sensor=sa", 0, "\"case\":null" },
	{ "it is among the closed", "ana", "GET", "/cases", "state=closed", 0, "\"total\":1" },
	{ "none is open", "ana", "GET", "/cases", "state=open", 0, "\"total\":0" },
	{ "a remark on a closed one", "ana", "POST", "/cases/C", "note=still+quiet", 0, "still quiet" },
	{ "open again", "ana", "POST", "/cases/C", "state=suspected", 0, "\"close_code\":null" },
	{ "another device of the party", "ana", "POST", "/cases/C", "findings=M", 0, "203.0.113.5" },
	{ "which has no case of its own", "ana", "POST", "/cases", "findings=W", VIEW_CONFLICT, "C" },
	{ "an admin of all", "root", "POST", "/cases", "findings=O", 0, "\"tenant\":\"b\"" },
	{ "the other tenant sees its own", "bob", "GET", "/cases", "", 0, "\"total\":1" },
	{ "the audit isn't a tenant's", "bob", "GET", "/audit", "", VIEW_REFUSED, "all tenants" },
	{ "each change has a line", "root", "GET", "/audit", "what=case-open&verify=1", 0, "\"good\":true" },
};

/* Letters A-Z that stand alone become ids. */
static void expand(char *out, size_t size, const char *in)
{
	size_t n = 0;
	for (const char *p = in; *p && n + 40 < size; p++) {
		bool alone = p[0] >= 'A' && p[0] <= 'Z' && (p == in || strchr("/=,\": ", p[-1])) &&
			     (p[1] == '\0' || strchr("/&,\"", p[1]));
		const char *id = NULL;
		for (size_t i = 0; alone && i < sizeof findings / sizeof *findings; i++)
			id = findings[i].letter == *p ? ids[i] : id;
		id = alone && *p == 'C' ? ids[7] : id;
		n += (size_t)snprintf(out + n, size - n, "%.*s", id ? 40 : 1, id ? id : p);
	}
	out[n] = '\0';
}

static int put(void *arg, const struct view_put *p, struct err *err)
{
	const struct view_call *c = arg;
	if (store_audit(writer, c->now_ns, c->who->user, p->what, p->subject, err) ||
		store_put(writer, p->kind, p->record, err))
		return VIEW_FAILED;
	if (p->kind == &case_kind)
		snprintf(ids[7], sizeof ids[7], "%s", ((const struct case_record *)p->record)->id);
	return 0;
}

static int ask(const struct step *s, int64_t now_ns, char **answer, struct err *err)
{
	char path[256], form[1024];
	size_t n;
	struct view_call c = { .now_ns = now_ns, .dir = dir, .put = put };
	for (size_t i = 0; i < sizeof people / sizeof *people; i++)
		c.who = strcmp(people[i].user, s->who) == 0 ? &people[i] : c.who;
	c.put_arg = &c;
	expand(path, sizeof path, s->path);
	expand(form, sizeof form, s->form);
	struct bytes in = { (const uint8_t *)form, strlen(form) }, none = { 0 };
	bool post = strcmp(s->method, "POST") == 0;
	c.out = open_memstream(answer, &n);
	c.store = store_open_as(dir, &c.who->principal, NULL, NULL);
	int rc = view_find(&c, NULL, &(struct view_ask){ s->method, path, post ? none : in, post ? in : none }, err);
	if (!rc)
		rc = c.who->level < c.view->level
			     ? err_set(err, VIEW_REFUSED, "that needs the role %s", view_level_name(c.view->level))
			     : c.view->fn(&c, err);
	view_done(&c);
	store_close(c.store);
	fclose(c.out);
	return rc;
}

static void one_after_the_other(void **state)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		const struct step *s = &steps[i];
		struct err err = { "" };
		char *answer = NULL, has[256];
		int rc = ask(s, NOW + (int64_t)i * SECOND, &answer, &err);
		expand(has, sizeof has, s->has);
		if (rc != s->want || !strstr(rc ? err.text : answer, has))
			fail_msg("%s: %d, not %d: wanted %s in: %s%s", s->name, rc, s->want, has, err.text, answer);
		if (rc && *answer)
			fail_msg("%s: refused, but something was answered: %s", s->name, answer);
		free(answer);
	}
}

/* A comment of 2,000 octets, and one more. */
static void as_long_as_may_be(void **state)
{
	char form[2100] = "text=";
	struct step s = { "long", "ana", "POST", "/findings/W/comment", form, 0, "" };
	for (int more = 0; more < 2; more++) {
		struct err err = { "" };
		char *answer = NULL;
		memset(form + 5, 'x', 2000 + (size_t)more);
		/* expand() would cut it: asked without. */
		struct view_call c = { .now_ns = NOW, .who = &people[0], .dir = dir, .put = put };
		char path[128];
		size_t n;
		c.put_arg = &c;
		expand(path, sizeof path, s.path);
		c.out = open_memstream(&answer, &n);
		c.store = store_open_as(dir, &c.who->principal, NULL, NULL);
		struct bytes in = { (const uint8_t *)form, strlen(form) };
		int rc = view_find(&c, NULL, &(struct view_ask){ "POST", path, { 0 }, in }, &err);
		rc = rc ? rc : c.view->fn(&c, &err);
		assert_int_equal(rc, more ? VIEW_BAD : 0);
		view_done(&c);
		store_close(c.store);
		fclose(c.out);
		free(answer);
	}
}

static void where_nothing_may_be_written(void **state)
{
	struct view_call c = { .now_ns = NOW, .who = &people[0], .dir = dir };
	char path[128], *answer = NULL;
	size_t n;
	struct err err = { "" };
	struct bytes in = { (const uint8_t *)"text=a", 6 };
	expand(path, sizeof path, "/findings/W/comment");
	c.out = open_memstream(&answer, &n);
	c.store = store_open_as(dir, &c.who->principal, NULL, NULL);
	assert_int_equal(view_find(&c, NULL, &(struct view_ask){ "POST", path, { 0 }, in }, &err), 0);
	assert_int_equal(c.view->fn(&c, &err), VIEW_AWAY);
	view_done(&c);
	store_close(c.store);
	fclose(c.out);
	assert_string_equal(answer, "");
	free(answer);
}

/* ---- the store ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void put_findings(void)
{
	struct finding f;
	for (size_t i = 0; i < sizeof findings / sizeof *findings; i++) {
		memset(&f, 0, sizeof f);
		f.kind = findings[i].kind;
		f.first_ns = f.last_ns = findings[i].first_ns;
		f.spoofable = true;
		f.packets = 3;
		snprintf(f.subject, sizeof f.subject, "%s", findings[i].subject);
		snprintf(f.sensor, sizeof f.sensor, "%s", findings[i].sensor);
		finding_identify(&f);
		snprintf(ids[i], sizeof ids[i], "%s", f.id);
		struct store_batch b = { .findings = &f, .findings_n = 1, .sensor = f.sensor };
		assert_int_equal(store_commit(writer, &b, NULL), 0);
	}
}

static int set_up(void **state)
{
	static const struct sensor sensors[] = { { .id = "sa", .tenant = "a" }, { .id = "sb", .tenant = "b" } };
	static const struct user users[] = { { .name = "ana", .roles = "a analyst", .state = "active" },
		{ .name = "bob", .roles = "b admin\nc viewer", .state = "active" },
		{ .name = "off", .roles = "a analyst", .state = "disabled" },
		{ .name = "root", .roles = "* admin", .state = "active" } };
	snprintf(dir, sizeof dir, "/tmp/test_saying.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	writer = store_open(dir, STORE_WRITE, NULL, NULL);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(store_put(writer, &sensor_kind, &sensors[i], NULL), 0);
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		assert_int_equal(store_put(writer, &user_kind, &users[i], NULL), 0);
	put_findings();
	return 0;
}

static int tear_down(void **state)
{
	store_close(writer);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(as_long_as_may_be),
		cmocka_unit_test(where_nothing_may_be_written),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
