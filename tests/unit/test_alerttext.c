// SPDX-License-Identifier: Apache-2.0
/* What alerts say (alert_texts) and how it looks on the wire: both languages whole, nothing from outside can break out.
 */
#include "response/alert/alert_compose.h"
#include "response/alert/alert_mail.h"
#include "response/alert/alert_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define T0 ((int64_t)1795556340 * ALERT_SECOND) /* 2026-11-24 21:39:00 UTC */

static void both_languages(void **state)
{
	static const char *const of_findings[] = { "title", "means", "next" };
	for (size_t i = 0; i < alert_text_rows_n; i++) {
		const struct alert_text_row *r = &alert_text_rows[i];
		if (!r->en || !r->ja || (r->en[0] == 0) != (r->ja[0] == 0))
			fail_msg("%s lacks a language", r->key);
		/* The same values in both. */
		for (const char *s = strchr(r->en, '{'); s; s = strchr(s + 1, '{')) {
			char name[32];
			snprintf(name, sizeof name, "%.*s", (int)(strchr(s, '}') - s + 1), s);
			if (!strstr(r->ja, name))
				fail_msg("%s: no %s in Japanese", r->key, name);
		}
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(alert_text_rows[k].key, r->key);
	}
	for (int k = 0; k < FINDING_KIND_N; k++)
		for (int g = 0; g < 3; g++)
			assert_non_null(alert_text2(ALERT_JA, of_findings[g], finding_kind_name((enum finding_kind)k)));
	for (int k = 0; k < ALARM_KIND_N; k++) {
		assert_non_null(alert_text2(ALERT_JA, "alarm", alert_alarm_name((enum alert_alarm_kind)k)));
		assert_non_null(alert_text2(ALERT_JA, "do", alert_alarm_name((enum alert_alarm_kind)k)));
	}
}

static void cleans(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "plain \xe3\x82\xbb", "plain \xe3\x82\xbb" }, { "a\r\nBcc: x", "a\\x0d\\x0aBcc: x" },
		{ "\x1b[31m", "\\x1b[31m" }, { "\xff\xc0\x80", "\\xff\\xc0\\x80" },
		{ "\xe2\x80\xae"
		  "gpj",
			"\\xe2\\x80\\xaegpj" }, /* right-to-left override */
		{ "\xe2\x80\xa8"
		  "x",
			"\\xe2\\x80\\xa8x" }, /* line separator */
		{ "\xc2\x85", "\\xc2\\x85" }, { "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
		{ "\xe2\x80\x93", "\xe2\x80\x93" }, /* en dash stays */
	};
	char out[64];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(alert_text_clean(out, sizeof out, cases[i].in), cases[i].want);
	assert_string_equal(alert_text_clean(out, 4, "ab\xe3\x82\xbb"), "ab");
	assert_string_equal(alert_text_clean(out, 4, "ab\n"), "ab");
}

static void units(void **state)
{
	static const struct {
		enum alert_language l;
		enum alert_unit unit;
		int64_t v;
		const char *want;
	} cases[] = {
		{ ALERT_EN, ALERT_COUNT, 1234567, "1,234,567" },
		{ ALERT_EN, ALERT_PERMILLE, 31, "3.1 %" },
		{ ALERT_EN, ALERT_DURATION_NS, 90 * ALERT_SECOND, "90 s" },
		{ ALERT_EN, ALERT_DURATION_NS, 900 * ALERT_SECOND, "15 min" },
		{ ALERT_JA, ALERT_DURATION_NS, 900 * ALERT_SECOND, "15 分" },
		{ ALERT_JA, ALERT_DURATION_NS, 7200 * ALERT_SECOND, "2 時間" },
		{ ALERT_EN, ALERT_DURATION_NS, 604800 * ALERT_SECOND, "7 days" },
		{ ALERT_EN, ALERT_OFFSET_NS, -1500000, "-1.500 ms" },
		{ ALERT_EN, ALERT_TIME_NS, T0, "2026-11-24 21:39:00 UTC" },
	};
	char out[64], time[TEXT_TIME_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(alert_text_unit(out, cases[i].l, cases[i].unit, cases[i].v), cases[i].want);
	int64_t tokyo = 9 * 3600, newfoundland = -12600;
	assert_string_equal(alert_text_time(time, T0, &tokyo), "2026-11-25 06:39:00+09:00");
	assert_string_equal(alert_text_time(time, T0, &newfoundland), "2026-11-24 18:09:00-03:30");
}

static struct finding evil(void)
{
	static struct finding f;
	memset(&f, 0, sizeof f);
	f.kind = FINDING_OWN_SUSPECT;
	snprintf(f.subject, sizeof f.subject, "192.0.2.7\r\nBcc: victim@example.net\r\n\r\n.\r\nMAIL FROM:<x>");
	snprintf(f.detail, sizeof f.detail, "owner \"\xe2\x80\xae evil\x1b]0;x\a\xff\n.\nQUIT");
	snprintf(f.sensor, sizeof f.sensor, "dark\"]-1");
	f.severity = "high";
	f.spoofable = true;
	f.confidence = 60;
	f.first_ns = T0;
	f.last_ns = T0;
	finding_identify(&f);
	return f;
}

static struct alert_thing thing_of(const struct finding *f)
{
	return (struct alert_thing){ .finding = f,
		.id = f->id,
		.message_id = "0123.high",
		.thread = f->id,
		.event = ALERT_UPDATE,
		.severity = ALERT_HIGH,
		.since_ns = T0,
		.at_ns = T0 };
}

static const char *const to[] = { "noc@example.net", "night@example.net" };
static const struct alert_channel mail = {
	.name = "m", .from = "sakimori@example.net", .to = to, .to_n = 2, .facility = 10
};
static const struct alert_mail_names names = { "store-1", "guard.example.net" };

static void nothing_breaks_out(void **state)
{
	for (enum alert_language l = ALERT_EN; l <= ALERT_JA; l++) {
		struct finding f = evil();
		struct alert_thing t = thing_of(&f);
		struct alert_view v = { .language = l, .host = "guard", .offset_s = 32400 };
		struct alert_message m = { .channel = "m",
			.event = ALERT_UPDATE,
			.severity = ALERT_HIGH,
			.id = t.message_id,
			.thread = t.thread,
			.at_ns = T0 };
		char *title = alert_compose_title(&t, l), *text = alert_compose_text(&t, &v), line[2048];
		char *json = alert_compose_json(&t, &v, title, text);
		size_t n;
		m.title = title;
		m.text = text;
		m.json = json;
		assert_null(strpbrk(title, "\r\n\x1b"));
		assert_null(strpbrk(text, "\r\x1b\a"));
		assert_null(strstr(text, "\n.\n"));
		assert_null(strpbrk(json, "\r\n\x1b"));
		char *bytes = alert_mail_build(&mail, &m, &names, &n);
		assert_null(strstr(bytes, "\nBcc:"));
		assert_null(strstr(bytes, "\n.\r"));
		const char *body = strstr(bytes, "\r\n\r\n");
		assert_non_null(body);
		for (const char *at = bytes; at < body;) {
			const char *end = strstr(at, "\r\n");
			assert_true(end - at <= 78);
			at = end + 2;
		}
		size_t len = alert_mail_syslog(line, sizeof line, &mail, &m, "guard");
		assert_null(memchr(line, '\n', len));
		free(bytes);
		free(title);
		free(text);
		free(json);
	}
}

static void mail_looks(void **state)
{
	struct alert_message m = { .channel = "m",
		.severity = ALERT_HIGH,
		.id = "abc.high",
		.thread = "abc",
		.title = "[sakimori] high: x",
		.text = "a\nb\n",
		.at_ns = T0 };
	size_t n;
	char *bytes = alert_mail_build(&mail, &m, &names, &n);
	assert_string_equal(bytes,
		"Date: Tue, 24 Nov 2026 21:39:00 +0000\r\nFrom: sakimori <sakimori@example.net>\r\n"
		"To: <noc@example.net>,\r\n <night@example.net>\r\nMessage-ID: <abc.high.store-1@example.net>\r\n"
		"In-Reply-To: <abc.store-1@example.net>\r\nReferences: <abc.store-1@example.net>\r\n"
		"Subject: [sakimori] high: x\r\nAuto-Submitted: auto-generated\r\nX-Sakimori-Severity: high\r\n"
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n"
		"\r\na\r\nb\r\n");
	free(bytes);
	m.thread = m.id;
	m.title = "自網の 192.0.2.7 に感染の疑い";
	bytes = alert_mail_build(&mail, &m, &names, &n);
	assert_null(strstr(bytes, "References"));
	assert_non_null(strstr(bytes, "Subject: =?UTF-8?B?6Ieq57ay44GuIDE5Mi4wLjIuNyDjgavmhJ/mn5Pjga7nlpHjgYQ=?=\r\n"));
	free(bytes);
	m.title = "=?UTF-8?Q?already?=";
	bytes = alert_mail_build(&mail, &m, &names, &n);
	assert_non_null(strstr(bytes, "Subject: =?UTF-8?B?PT9VVEYtOD9RP2FscmVhZHk/PQ==?=\r\n"));
	free(bytes);
}

static void syslog_looks(void **state)
{
	struct alert_message m = {
		.event = ALERT_NEW, .severity = ALERT_HIGH, .id = "a\"]\\b", .thread = "a", .title = "x", .at_ns = T0
	};
	char line[512];
	size_t n = alert_mail_syslog(line, sizeof line, &mail, &m, "guard");
	line[n] = 0;
	assert_string_equal(line, "<82>1 2026-11-24T21:39:00.000000Z guard sakimori - new [sakimori@32473 "
				  "id=\"a\\\"\\]\\\\b\" severity=\"high\"] \xef\xbb\xbfx");
	for (size_t size = 1; size < n; size++)
		assert_true(alert_mail_syslog(line, size, &mail, &m, "guard") < size);
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "noc@example.net", true },
		{ "a.b+c@mail.example.net", true },
		{ "noc", false },
		{ "@example.net", false },
		{ "a@", false },
		{ "a@b@c", false },
		{ "a b@example.net", false },
		{ "a>@example.net", false },
		{ "a\n@example.net", false },
		{ "\xc3\xa4@example.net", false },
		{ "-x@example.net", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(alert_mail_address(cases[i].text), cases[i].good);
}

static void says_what_counts(void **state)
{
	struct finding f = evil();
	snprintf(f.subject, sizeof f.subject, "192.0.2.7");
	f.packets = 12345;
	struct alert_thing t = thing_of(&f);
	struct alert_view v = {
		.language = ALERT_EN, .host = "guard", .offset_s = 32400, .console_url = "https://c.example.net"
	};
	char *text = alert_compose_text(&t, &v), want[128];
	snprintf(want, sizeof want, "sakimori evidence export %s\n", f.id);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "60 of 100"));
	assert_non_null(strstr(text, "can be forged"));
	assert_non_null(strstr(text, "2026-11-24 21:39:00 UTC (2026-11-25 06:39:00+09:00)"));
	assert_non_null(strstr(text, "12,345"));
	assert_null(strchr(text, '{'));
	free(text);
	v.language = ALERT_JA;
	f.spoofable = false;
	text = alert_compose_text(&t, &v);
	assert_non_null(strstr(text, "送信元の詐称は不可能"));
	assert_non_null(strstr(text, "https://c.example.net/findings/"));
	assert_null(strchr(text, '{'));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(both_languages), cmocka_unit_test(cleans),
		cmocka_unit_test(units), cmocka_unit_test(nothing_breaks_out), cmocka_unit_test(mail_looks),
		cmocka_unit_test(syslog_looks), cmocka_unit_test(addresses), cmocka_unit_test(says_what_counts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
