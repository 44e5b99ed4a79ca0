// SPDX-License-Identifier: Apache-2.0
/* Alarms from snapshots, in virtual time: raised once, reminded of, cleared when it has settled. */
#include "response/alert/alert_watch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S    ALERT_SECOND
#define MIN  (60 * S)
#define HOUR (60 * MIN)
#define T0   ((int64_t)1795478400 * S)

struct seen {
	char text[4096]; /* "raised silent-sensor dark-1;..." */
	struct alert_alarm last;
	size_t n;
};

static void on_alarm(void *arg, const struct alert_alarm *a)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);
	snprintf(s->text + n, sizeof s->text - n, "%s %s %s;", alert_event_name(a->event), alert_alarm_name(a->kind),
		a->subject);
	s->last = *a;
	s->n++;
}

/* Everything well at `now`. */
struct system {
	struct alert_snapshot s;
	struct alert_watch_dark dark[2];
	struct alert_watch_sensor sensor;
	struct alert_watch_role role;
	int64_t restarts[4];
	struct alert_watch_disk disk;
	struct alert_watch_spool spool;
	struct alert_watch_keeper keeper;
	struct alert_watch_certificate certificate;
};

static void well(struct system *y, int64_t now)
{
	*y = (struct system){
		.s = { .now_ns = now,
			.sensors_n = 1,
			.roles_n = 1,
			.disks_n = 1,
			.spools_n = 1,
			.keepers_n = 1,
			.certificates_n = 1 },
		.dark = { { "192.0.2.0/25", now }, { "192.0.2.128/25", now } },
		.sensor = { "dark-1", T0 - 24 * HOUR, now, now, NULL, 2, ALERT_CLOCK_SYNCHRONISED, 1000, "eth0", true },
		.role = { "capture", NULL, 0 },
		.disk = { "/var", 500, 1000 },
		.spool = { "centre", 10, 1000 },
		.keeper = { "local", 1, now },
		.certificate = { "sensor", now + 90 * 24 * HOUR },
	};
	y->sensor.dark = y->dark;
	y->role.restarts_ns = y->restarts;
	y->s.sensors = &y->sensor;
	y->s.roles = &y->role;
	y->s.disks = &y->disk;
	y->s.spools = &y->spool;
	y->s.keepers = &y->keeper;
	y->s.certificates = &y->certificate;
}

static void silent(struct system *y)
{
	y->sensor.last_packet_ns = y->sensor.last_minute_ns = y->s.now_ns - 15 * MIN;
	y->dark[0].last_packet_ns = y->dark[1].last_packet_ns = y->s.now_ns - 15 * MIN;
}
static void young(struct system *y)
{
	silent(y);
	y->sensor.last_packet_ns = y->sensor.last_minute_ns = 0;
	y->dark[0].last_packet_ns = y->dark[1].last_packet_ns = 0;
	y->sensor.started_ns = y->s.now_ns - 14 * MIN;
}
static void withdrawn(struct system *y)
{
	y->dark[1].last_packet_ns = y->s.now_ns - HOUR;
}
static void both_quiet(struct system *y)
{
	y->dark[0].last_packet_ns = y->dark[1].last_packet_ns = y->s.now_ns - 2 * HOUR;
	y->sensor.last_packet_ns = y->s.now_ns - 2 * HOUR;
	y->sensor.last_minute_ns = y->s.now_ns;
}
static void low(struct system *y)
{
	y->disk.free = 99;
}
static void full(struct system *y)
{
	y->disk.free = 19;
}
static void unsynchronised(struct system *y)
{
	y->sensor.clock = ALERT_CLOCK_UNSYNCHRONISED;
}
static void off(struct system *y)
{
	y->sensor.offset_ns = -600000000;
}
static void dying(struct system *y)
{
	y->role.restarts_n = 4;
	for (int i = 0; i < 4; i++)
		y->restarts[i] = y->s.now_ns - (i == 3 ? 11 : i) * MIN; /* one is too old */
}
static void restarted(struct system *y)
{
	y->role.restarts_n = 2;
	y->restarts[0] = y->restarts[1] = T0;
}
static void down(struct system *y)
{
	y->sensor.link_up = false;
}
static void spooled(struct system *y)
{
	y->spool.used = 800;
}
static void behind(struct system *y)
{
	y->keeper.last_commit_ns = y->s.now_ns - 2 * MIN;
}
static void idle(struct system *y)
{
	behind(y);
	y->keeper.waiting = 0;
}
static void expiring(struct system *y)
{
	y->certificate.expires_ns = y->s.now_ns + 20 * 24 * HOUR;
}
static void unknown(struct system *y)
{
	y->disk.total = y->disk.free = y->spool.max = 0;
}

static void conditions(void **state)
{
	static const struct {
		const char *name;
		void (*fault)(struct system *y);
		int64_t hold; /* it must last so long */
		const char *want;
		int64_t value;
	} cases[] = {
		{ "well", NULL, 0, "", 0 },
		{ "silent", silent, 0, "raised silent-sensor dark-1;", 15 * MIN },
		{ "young", young, 0, "", 0 },
		{ "withdrawn", withdrawn, 0, "raised withdrawn-prefix dark-1 192.0.2.128/25;", HOUR },
		{ "all quiet, minutes closed", both_quiet, 0, "", 0 },
		{ "low", low, 0, "raised disk-low /var;", 99 },
		{ "full", full, 0, "raised disk-low /var;raised disk-full /var;", 19 },
		{ "unsynchronised", unsynchronised, 5 * MIN, "raised clock-unsynchronised dark-1;", 5 * MIN },
		{ "off", off, 0, "raised clock-offset dark-1;", -600000000 },
		{ "dying", dying, 0, "raised role-dying capture;", 3 },
		{ "restarted", restarted, 0, "", 0 },
		{ "down", down, 30 * S, "raised link-down dark-1 eth0;", 30 * S },
		{ "spooled", spooled, 0, "raised spool-full centre;", 800 },
		{ "behind", behind, 0, "raised keeper-behind local;", 2 * MIN },
		{ "idle", idle, 0, "", 0 },
		{ "expiring", expiring, 0, "raised certificate-expiring sensor;", T0 + 20 * 24 * HOUR },
		{ "unknown", unknown, 0, "", 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
		struct seen seen = { "" };
		struct system y;
		for (int64_t t = T0; t <= T0 + cases[i].hold; t += 10 * S) {
			well(&y, t);
			if (cases[i].fault)
				cases[i].fault(&y);
			if (t == T0 + cases[i].hold)
				assert_string_equal(seen.text, "");
			alert_watch_step(w, &y.s, on_alarm, &seen);
		}
		if (strcmp(seen.text, cases[i].want) != 0 || seen.last.value != cases[i].value)
			fail_msg("%s: '%s' %lld", cases[i].name, seen.text, (long long)seen.last.value);
		/* It goes on: nothing more until the reminder. It ends: cleared when it has settled. */
		size_t raised = seen.n;
		well(&y, T0 + HOUR);
		if (cases[i].fault)
			cases[i].fault(&y);
		alert_watch_step(w, &y.s, on_alarm, &seen);
		assert_int_equal(seen.n, raised);
		well(&y, T0 + 2 * HOUR);
		alert_watch_step(w, &y.s, on_alarm, &seen);
		assert_int_equal(seen.n, raised);
		well(&y, T0 + 2 * HOUR + 5 * MIN);
		alert_watch_step(w, &y.s, on_alarm, &seen);
		assert_int_equal(seen.n, 2 * raised);
		assert_int_equal(alert_watch_counts(w).standing, 0);
		alert_watch_free(w);
	}
}

static void one_for_a_flapping_link(void **state)
{
	struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	struct seen seen = { "" };
	struct system y;
	for (int i = 0; i < 360; i++) {
		well(&y, T0 + i * 10 * S);
		y.sensor.link_up = i % 2;
		alert_watch_step(w, &y.s, on_alarm, &seen);
	}
	assert_string_equal(seen.text, "raised link-down dark-1 eth0;");
	alert_watch_free(w);
	/* A single short blink is none. */
	w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	seen.text[0] = 0;
	for (int i = 0; i < 60; i++) {
		well(&y, T0 + i * 10 * S);
		y.sensor.link_up = i != 2;
		alert_watch_step(w, &y.s, on_alarm, &seen);
	}
	assert_string_equal(seen.text, "");
	alert_watch_free(w);
}

static void between_edges(void **state)
{
	struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	struct seen seen = { "" };
	struct system y;
	static const unsigned free_now[] = { 110, 99, 101, 99, 119, 110 };
	for (int i = 0; i < 6; i++) {
		well(&y, T0 + i * 10 * MIN);
		y.disk.free = free_now[i];
		alert_watch_step(w, &y.s, on_alarm, &seen);
	}
	assert_string_equal(seen.text, "raised disk-low /var;");
	for (int i = 6; i < 8; i++) {
		well(&y, T0 + i * 10 * MIN);
		y.disk.free = 120;
		alert_watch_step(w, &y.s, on_alarm, &seen);
	}
	assert_string_equal(seen.text, "raised disk-low /var;cleared disk-low /var;");
	alert_watch_free(w);
}

static void reminds(void **state)
{
	struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	struct seen seen = { "" };
	struct system y;
	for (int64_t t = T0; t <= T0 + 13 * HOUR; t += 10 * MIN) {
		well(&y, t);
		low(&y);
		alert_watch_step(w, &y.s, on_alarm, &seen);
	}
	assert_string_equal(seen.text, "raised disk-low /var;reminded disk-low /var;reminded disk-low /var;");
	assert_true(seen.last.since_ns == T0);
	alert_watch_free(w);
}

static void restart_goes_on(void **state)
{
	struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	struct alert_mark m = { .subject = "alarm:disk-low:/var",
		.channel = "desk",
		.state = ALERT_SENT,
		.event = ALERT_RAISED,
		.since_ns = T0 - HOUR,
		.at_ns = T0 - HOUR };
	struct alert_mark gone = {
		.subject = "alarm:link-down:x", .channel = "desk", .event = ALERT_RAISED, .at_ns = T0 - HOUR
	};
	struct alert_mark finding = { .subject = "0123456789abcdef0123456789abcdef", .at_ns = T0 };
	struct seen seen = { "" };
	struct system y;
	alert_watch_known(w, &m);
	alert_watch_known(w, &finding);
	alert_watch_known(w, &gone);
	gone.event = ALERT_CLEARED;
	alert_watch_known(w, &gone);
	assert_int_equal(alert_watch_counts(w).standing, 1);
	well(&y, T0);
	low(&y);
	alert_watch_step(w, &y.s, on_alarm, &seen);
	assert_string_equal(seen.text, ""); /* told before the restart */
	well(&y, T0 + MIN);
	alert_watch_step(w, &y.s, on_alarm, &seen);
	well(&y, T0 + 6 * MIN);
	alert_watch_step(w, &y.s, on_alarm, &seen);
	assert_string_equal(seen.text, "cleared disk-low /var;");
	assert_true(seen.last.since_ns == T0 - HOUR);
	alert_watch_free(w);
}

static void gone_from_the_snapshot(void **state)
{
	struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	struct seen seen = { "" };
	struct system y;
	well(&y, T0);
	low(&y);
	alert_watch_step(w, &y.s, on_alarm, &seen);
	for (int i = 1; i < 3; i++) {
		well(&y, T0 + i * 10 * MIN);
		y.s.disks_n = 0;
		alert_watch_step(w, &y.s, on_alarm, &seen);
	}
	assert_string_equal(seen.text, "raised disk-low /var;cleared disk-low /var;");
	alert_watch_free(w);
}

static void has_a_limit(void **state)
{
	struct alert_watch *w = alert_watch_new(&(struct alert_watch_limits){ 0 });
	static struct alert_watch_disk disks[ALERT_WATCH_MAX + 5];
	static char names[ALERT_WATCH_MAX + 5][16];
	struct seen seen = { "" };
	for (int i = 0; i < ALERT_WATCH_MAX + 5; i++) {
		snprintf(names[i], sizeof names[i], "/%d", i);
		disks[i] = (struct alert_watch_disk){ names[i], 50, 1000 };
	}
	struct alert_snapshot s = { .now_ns = T0, .disks = disks, .disks_n = ALERT_WATCH_MAX + 5 };
	alert_watch_step(w, &s, on_alarm, &seen);
	assert_int_equal(alert_watch_counts(w).standing, ALERT_WATCH_MAX);
	assert_int_equal(alert_watch_counts(w).refused, 5);
	alert_watch_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(conditions), cmocka_unit_test(one_for_a_flapping_link),
		cmocka_unit_test(between_edges), cmocka_unit_test(reminds), cmocka_unit_test(restart_goes_on),
		cmocka_unit_test(gone_from_the_snapshot), cmocka_unit_test(has_a_limit) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
