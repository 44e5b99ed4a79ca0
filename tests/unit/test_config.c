// SPDX-License-Identifier: Apache-2.0
/* The daemon's configuration: config_table (defaults, what a change reaches), config_check (faults across keys), and
 * secrets. */
#include "model/finding.h"
#include "role/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_OF(a) (sizeof(a) / sizeof *(a))
#define SELF	"network: {operator: self}\n"

static int parse(struct config **c, const char *text, struct yaml_faults *f)
{
	*f = (struct yaml_faults){ 0 };
	return config_parse(c, (struct bytes){ (const uint8_t *)text, strlen(text) }, f);
}

static struct config *good(const char *text)
{
	struct config *c;
	struct yaml_faults f;
	if (parse(&c, text, &f) < 0)
		fail_msg("%u: %s", f.v[0].line, f.v[0].text);
	return c;
}

static void without_a_file(void **state)
{
	struct config *c;
	struct yaml_faults f = { 0 };
	assert_int_equal(config_read(&c, NULL, &f), 0);
	assert_int_equal(c->network.operator, CONFIG_SELF);
	assert_string_equal(c->network.tenant, "default");
	assert_string_equal(c->time_zone, "UTC");
	assert_int_equal(c->sensors.n, 1);
	assert_string_equal(c->sensors.v[0].name, "local");
	assert_string_equal(c->sensors.v[0].tenant, "default");
	assert_null(c->sensors.v[0].interface);
	assert_int_equal(c->store.retention.flows_ns / 86400000000000, 90);
	assert_int_equal(c->store.retention.subscriber_ns / 86400000000000, 180);
	assert_true(c->packets.keep);
	assert_int_equal(c->metrics.listen.port, 9470);
	assert_string_equal(c->metrics.listen.host, "127.0.0.1");
	assert_null(c->collect.listen.host);
	assert_null(c->forward.to.host);
	assert_int_equal(c->alerts.alarms.role_restarts.count, 5);
	config_free(c);
	config_free(NULL);
}

static void values(void **state)
{
	struct config *c =
		good(SELF "language: ja\n"
			  "sensors:\n"
			  "- name: a\n"
			  "  dark: [192.0.2.0/24, {prefix: 2001:db8::/32, from: 2026-01-01, to: 2026-01-02}]\n"
			  "  unwrap: [ipip]\n"
			  "alerts:\n"
			  "  channels:\n"
			  "  - {type: syslog, name: log, facility: local4}\n"
			  "  rules: [{name: r, kinds: [own-suspect], own: [203.0.113.0/24], quiet: 22:00-07:30}]\n"
			  "access: [{user: root, rights: [admin]}]\n");
	assert_string_equal(c->time_zone, "Asia/Tokyo");
	const struct config_sensor *s = &c->sensors.v[0];
	assert_int_equal(s->dark.n, 2);
	assert_int_equal(s->dark.v[0].prefix.bits, 120);
	assert_true(s->dark.v[0].from_ns == INT64_MIN && s->dark.v[0].to_ns == INT64_MAX);
	assert_int_equal(s->dark.v[1].from_ns / 1000000000, 1767225600);
	assert_int_equal(s->dark.v[1].to_ns - s->dark.v[1].from_ns, 86400000000000);
	assert_int_equal(s->unwrap.v[0], CONFIG_IPIP);
	assert_int_equal(c->alerts.channels.v[0].type, CONFIG_SYSLOG);
	assert_int_equal(c->alerts.channels.v[0].syslog.facility, 20); /* RFC 5424, table 1 */
	assert_int_equal(c->alerts.rules.v[0].kinds.v[0], FINDING_OWN_SUSPECT);
	assert_int_equal(c->alerts.rules.v[0].quiet.hours.from_min, 22 * 60);
	assert_int_equal(c->alerts.rules.v[0].quiet.hours.to_min, 7 * 60 + 30);
	assert_int_equal(c->alerts.rules.v[0].quiet.except, CONFIG_HIGH);
	assert_int_equal(c->access.v[0].rights.v[0], CONFIG_ADMIN);
	config_free(c);
}

/* The words of the table are those of the model, in its order. */
static void kinds(void **state)
{
	for (int k = 0; k < FINDING_KIND_N; k++) {
		char text[200];
		snprintf(text, sizeof text, SELF "alerts: {rules: [{name: r, kinds: [%s]}]}\n", finding_kind_name(k));
		struct config *c = good(text);
		assert_int_equal(c->alerts.rules.v[0].kinds.v[0], k);
		config_free(c);
	}
}

#define MAIL "alerts:\n  channels:\n  - {type: mail, name: m, from: a@example.net, to: [b@example.net], "

static const struct {
	const char *name, *text;
	unsigned line;
	const char *want;
} bad[] = {
	{ "no operator", "language: en\n", 1, "`operator` is missing; expected one of self|household|telecom" },
	{ "an empty file", "", 1, "`operator` is missing; expected one of self|household|telecom" },
	{ "more threads than a capture has", SELF "sensors:\n- {name: a, workers: 17}\n", 3,
		"`17` for `workers`; expected 1 to 16" },
	{ "sensors of one name", SELF "sensors:\n- name: a\n- name: a\n", 4,
		"a second sensor with the name `a`; each has its own" },
	{ "two without a name", SELF "sensors:\n- place: a\n- place: b\n", 4,
		"a second sensor with the name `local`; each has its own" },
	{ "from behind to",
		SELF "sensors:\n- dark:\n  - prefix: 192.0.2.0/24\n    from: 2026-01-02\n    to: 2026-01-02\n", 5,
		"`from` does not lie before `to`: the prefix would never be dark" },
	{ "host bits", SELF "sensors: [{dark: [192.0.2.1/24]}]\n", 2,
		"`192.0.2.1/24` for `prefix`; expected a prefix such as 192.0.2.0/24 ('192.0.2.1/24' has host bits "
		"set; "
		"did you mean 192.0.2.0/24?)" },
	{ "no channel of that name",
		SELF
		"alerts:\n  channels: [{type: syslog, name: desk}]\n  rules:\n  - name: r\n    channels:\n    - dsek\n",
		7, "`dsek` is no channel of this file, did you mean `desk`?" },
	{ "no sensor of that name", SELF "alerts: {rules: [{name: r, sensors: [x]}]}\n", 2,
		"`x` is no sensor of this file" },
	{ "no tenant of that name", SELF "access: [{user: u, tenants: [defualt]}]\n", 2,
		"`defualt` is no tenant of this file, did you mean `default`?" },
	{ "forward alone", SELF "forward:\n  to: a:1\n  ca: /a\n  key: /b\n", 3,
		"`to` without `certificate`; both sides prove who they are" },
	{ "metrics for all", SELF "metrics: {listen: '0.0.0.0:9470'}\n", 2,
		"`0.0.0.0` is no loopback address; expected one, or `allow-remote: true`" },
	{ "metrics for all, IPv6", SELF "metrics: {listen: '[::]:9470'}\n", 2,
		"`::` is no loopback address; expected one, or `allow-remote: true`" },
	{ "mail server", SELF MAIL "server: 'mail.example.net'}\n", 4,
		"no address for `server`; expected SCHEME://HOST with scheme smtp|smtps" },
	{ "password in the address", SELF MAIL "server: 'smtps://me:hunter2@mail.example.net'}\n", 4,
		"a name or password within `server`; they have keys of their own" },
	{ "user without password", SELF MAIL "server: smtps://mail.example.net, user: me}\n", 4,
		"`user` and `password` go together" },
	{ "readable password",
		SELF MAIL "server: smtp://mail.example.net, starttls: try, user: me, password: {env: P}}\n", 4,
		"a password would cross the network readable; expected smtps:// or `starttls: required`" },
	{ "webhook without an address", SELF "alerts: {channels: [{type: webhook, name: w}]}\n", 2,
		"a webhook has either `url` or `secret-url`" },
	{ "authorization in a header",
		SELF "alerts: {channels: [{type: webhook, name: w, url: 'https://example.net', headers: [{name: "
		     "Authorization, value: hunter2}]}]}\n",
		2, "a secret in a header; expected `token`" },
	{ "rules of one name", SELF "alerts: {rules: [{name: r}, {name: r}]}\n", 2,
		"a second rule with the name `r`; each has its own" },
	{ "short timeout", SELF "analysis: {timeout: 59s}\n", 2, "a `timeout` below a minute; expected 0 or 1m" },
	{ "quiet hours", SELF "alerts: {rules: [{name: r, quiet: 22:00-24:00}]}\n", 2,
		"`22:00-24:00` for `hours`; expected hours such as 22:00-07:00, or never" },
};

static void faults(void **state)
{
	for (size_t i = 0; i < N_OF(bad); i++) {
		struct config *c;
		struct yaml_faults f;
		print_message("%s\n", bad[i].name);
		assert_int_equal(parse(&c, bad[i].text, &f), CONFIG_BAD);
		assert_null(c);
		assert_string_equal(f.v[0].text, bad[i].want);
		assert_int_equal(f.v[0].line, bad[i].line);
		assert_int_equal(f.n, 1);
		assert_null(strstr(f.v[0].text, "hunter2"));
	}
}

static void allowed(void **state)
{
	static const char *const texts[] = {
		SELF "metrics: {listen: '0.0.0.0:9470', allow-remote: true}\n",
		SELF "metrics: {listen: '[::1]:9470'}\n",
		SELF "metrics: {listen: '127.9.9.9:0'}\n",
		SELF "metrics: {listen: off}\n",
		SELF "sensors: []\n",
		SELF "alerts: {heartbeat: {url: 'https://example.net/a@b'}}\n",
	};
	for (size_t i = 0; i < N_OF(texts); i++)
		config_free(good(texts[i]));
}

static void note(void *arg, const char *path, unsigned reach)
{
	sprintf((char *)arg + strlen(arg), "%s %u;", path, reach);
}

static void differences(void **state)
{
	static const struct {
		const char *a, *b, *want;
		unsigned all;
	} rows[] = {
		{ SELF, SELF "time-zone: UTC\n", "", 0 },
		{ SELF, SELF "time-zone: Asia/Tokyo\n", "time-zone 512;", CONFIG_DAEMON },
		{ SELF, SELF "alerts: {limits: {pending: 7}}\n", "alerts.limits.pending 16;", CONFIG_ALERT },
		{ SELF, SELF "sensors: [{own: [192.0.2.0/24]}]\nstore: {reserve: 2GB}\n",
			"store.reserve 4;sensors[local].own 2;", CONFIG_KEEPER | CONFIG_ANALYSIS },
		{ SELF, SELF "sensors: []\n", "sensors 23;",
			CONFIG_CAPTURE | CONFIG_ANALYSIS | CONFIG_KEEPER | CONFIG_ALERT },
	};
	for (size_t i = 0; i < N_OF(rows); i++) {
		char out[300] = "";
		struct config *a = good(rows[i].a), *b = good(rows[i].b);
		assert_int_equal(config_diff(a, b, note, out), rows[i].all);
		assert_string_equal(out, rows[i].want);
		config_free(a);
		config_free(b);
	}
}

static void write_file(const char *path, const char *text, size_t n, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void secrets(void **state)
{
	static char long_one[CONFIG_SECRET_MAX + 1];
	memset(long_one, 'x', sizeof long_one);
	const struct {
		const char *name, *text;
		size_t n;
		mode_t mode;
		const char *want; /* the secret, or a part of the reason */
		bool good;
	} rows[] = {
		{ "plain", "hunter2", 7, 0600, "hunter2", true },
		{ "with a line end", "hunter2\n", 8, 0640, "hunter2", true },
		{ "with CR LF", "hunter2\r\n", 9, 0400, "hunter2", true },
		{ "readable for everybody", "hunter2", 7, 0604, "everybody may read" },
		{ "writable for everybody", "hunter2", 7, 0602, "everybody may read" },
		{ "empty", "", 0, 0600, "empty" },
		{ "an empty line", "\n", 1, 0600, "empty" },
		{ "two lines", "hunter2\nhunter2\n", 16, 0600, "control characters" },
		{ "NUL", "hunter2\0x", 9, 0600, "control characters" },
		{ "longest", long_one, CONFIG_SECRET_MAX - 1, 0600, "xxx", true },
		{ "too long", long_one, CONFIG_SECRET_MAX, 0600, "longer than" },
		{ "much too long", long_one, CONFIG_SECRET_MAX + 1, 0600, "longer than" },
	};
	char out[CONFIG_SECRET_MAX], dir[] = "/tmp/sakimori-config-XXXXXX", path[64];
	struct yaml_secret s = { .file = path };
	struct err err;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/secret", dir);
	for (size_t i = 0; i < N_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		write_file(path, rows[i].text, rows[i].n, rows[i].mode);
		err.text[0] = 0;
		int n = config_secret_load(&s, out, &err);
		if (rows[i].good) {
			assert_int_equal(n, (int)strlen(out));
			assert_int_equal(strncmp(out, rows[i].want, strlen(rows[i].want)), 0);
			continue;
		}
		assert_int_equal(n, -1);
		assert_non_null(strstr(err.text, rows[i].want));
		assert_null(strstr(err.text, "hunter2"));
		assert_int_equal(out[0], 0);
	}
	unlink(path);
	assert_int_equal(config_secret_load(&s, out, &err), -1);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_secret_load(&s, out, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
	unlink(path);
	rmdir(dir);
	s = (struct yaml_secret){ .env = "SAKIMORI_TEST_SECRET" };
	unsetenv(s.env);
	assert_int_equal(config_secret_load(&s, out, &err), -1);
	setenv(s.env, "hunter2", 1);
	assert_int_equal(config_secret_load(&s, out, &err), 7);
}

/* A secret's place is printed, the rest of the words too, and they come back. */
static void printing(void **state)
{
	static const char text[] =
		SELF MAIL "server: smtps://mail.example.net, user: 東京, password: {file: '/a b: c'}}\n";
	char *once = NULL, *twice = NULL;
	size_t n;
	struct config *c = good(text);
	FILE *f = open_memstream(&once, &n);
	config_print(f, c);
	fclose(f);
	config_free(c);
	assert_non_null(strstr(once, "      password: {file: \"/a b: c\"}\n"));
	c = good(once);
	f = open_memstream(&twice, &n);
	config_print(f, c);
	fclose(f);
	assert_string_equal(once, twice);
	assert_string_equal(c->alerts.channels.v[0].mail.user, "東京");
	config_free(c);
	free(once);
	free(twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file),
		cmocka_unit_test(values),
		cmocka_unit_test(kinds),
		cmocka_unit_test(faults),
		cmocka_unit_test(allowed),
		cmocka_unit_test(differences),
		cmocka_unit_test(secrets),
		cmocka_unit_test(printing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
