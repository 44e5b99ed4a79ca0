// SPDX-License-Identifier: Apache-2.0
/* From the configuration to the alert engine, and marks to the store's records and back. */
#include "role/alertparams.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const char text[] =
	"network: {operator: self}\n"
	"language: ja\n"
	"sensors: [{name: dark-1, tenant: city, dark: [192.0.2.0/24]}]\n"
	"alerts:\n"
	"  channels:\n"
	"  - {type: mail, name: desk, server: 'smtp://127.0.0.1', from: s@example.net, to: [noc@example.net], user: "
	"u,\n"
	"     password: {env: ALERT_TEST_SECRET}}\n"
	"  - {type: webhook, name: hook, url: 'https://hook.example.net/x', headers: [{name: X-Team, value: noc}], "
	"format: text}\n"
	"  - {type: syslog, name: log, facility: local0, address: 'udp://127.0.0.1:514'}\n"
	"  rules:\n"
	"  - {name: own, kinds: [own-suspect, own-watch], min-severity: high, channels: [desk], rate: 2 per day,\n"
	"     quiet: {hours: '22:00-07:00', except: medium}}\n"
	"  - {name: rest}\n"
	"  alarms: {silent: 20m, disk: 3%, clock-offset: 0}\n";

static struct config *configured(void)
{
	struct config *c;
	struct yaml_faults faults = { 0 };
	if (config_parse(&c, (struct bytes){ (const uint8_t *)text, sizeof text - 1 }, &faults) < 0)
		fail_msg("%u: %s", faults.v[0].line, faults.v[0].text);
	return c;
}

static void maps(void **state)
{
	struct config *c = configured();
	struct err err = { "" };
	setenv("ALERT_TEST_SECRET", "hush", 1);
	struct alertparams *x = alertparams_new(c, "guard_1", "a/b", true, &err);
	if (!x)
		fail_msg("%s", err.text);
	struct alert_params p = alertparams_get(x);
	assert_int_equal(p.channels_n, 3);
	assert_string_equal(p.channels[0].password, "hush");
	assert_int_equal(p.channels[0].tls, ALERT_TLS_REQUIRED);
	assert_string_equal(p.channels[1].headers[0], "X-Team: noc");
	assert_true(p.channels[1].text_only);
	assert_int_equal(p.channels[2].facility, 16);
	assert_int_equal(p.rules[0].kinds, 1u << FINDING_OWN_SUSPECT | 1u << FINDING_OWN_WATCH);
	assert_int_equal(p.rules[0].channels_n, 1);
	assert_int_equal(p.rules[0].rate.count, 2);
	assert_true(p.rules[0].rate.per_ns == 86400 * ALERT_SECOND);
	assert_true(
		p.rules[0].quiet.on && p.rules[0].quiet.from_min == 1320 && p.rules[0].quiet.except == ALERT_MEDIUM);
	assert_int_equal(p.rules[1].channels_n, 3);
	assert_int_equal(p.alarm_channels_n, 3);
	assert_int_equal(p.language, ALERT_JA);
	assert_string_equal(p.host, "guard-1");
	assert_string_equal(p.store_id, "a-b");
	/* What it gives is taken; it may go before the engine does. */
	struct alert *a = alert_new(&p, &err);
	alertparams_free(x);
	if (!a)
		fail_msg("%s", err.text);
	alert_free(a);
	unsetenv("ALERT_TEST_SECRET");
	assert_null(alertparams_new(c, NULL, NULL, true, &err));
	assert_non_null(strstr(err.text, "channel desk"));
	x = alertparams_new(c, NULL, NULL, false, &err);
	assert_non_null(x);
	assert_null(alertparams_get(x).channels[0].password);
	alertparams_free(x);
	assert_string_equal(alertparams_tenant(c, "dark-1"), "city");
	assert_null(alertparams_tenant(c, "dark-2"));
	struct alert_watch_limits l = alertparams_watch(c);
	assert_true(l.silent_ns == 1200 * ALERT_SECOND && l.offset_ns == ALERT_WATCH_OFF);
	assert_int_equal(l.disk_low, 30);
	assert_int_equal(l.disk_full, 15);
	assert_int_equal(l.restarts, 6);
	config_free(c);
}

static void marks(void **state)
{
	const struct alert_mark m = { .subject = "alarm:link-down:dark-1 eth0",
		.channel = "desk",
		.state = ALERT_FAILED,
		.event = ALERT_CLEARED,
		.severity = ALERT_HIGH,
		.since_ns = -5,
		.at_ns = 7,
		.text = "it answers (status 550)" };
	struct alert_mark back;
	struct sent s;
	for (int i = ALERT_SENT; i < ALERT_STATE_N; i++) {
		struct alert_mark in = m;
		in.state = (enum alert_state)i;
		alertparams_sent(&in, "city", &s);
		assert_int_equal(alertparams_mark(&s, &back), 0);
		assert_memory_equal(&in, &back, sizeof in);
	}
	assert_string_equal(s.text, "cleared high -5: it answers (status 550)");
	static const char *const bad[] = { "", "cleared", "cleared high", "cleared huge 5", "gone high 5",
		"test high 5" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(s.text, sizeof s.text, "%s", bad[i]);
		assert_int_equal(alertparams_mark(&s, &back), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(maps), cmocka_unit_test(marks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
