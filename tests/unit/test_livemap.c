// SPDX-License-Identifier: Apache-2.0
/* The live map's events: true counts, fair arcs, nothing of sensors that one may not see, nothing of destinations. */
#include "console/livemap.h"
#include "know/knowing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "mmdbmake.h"
/* Three of its names are ours; nothing here makes JSON by it. */
#define json_object jansson_object
#define json_array  jansson_array
#define json_null   jansson_null
#include <jansson.h>
#undef json_object
#undef json_array
#undef json_null
#include <stdio.h>
#include <unistd.h>

#define START_NS INT64_C(1767225600000000000)
#define MS	 INT64_C(1000000)

static const char *const names[] = { "west", "east", "north" };
static char folder[64], path[96];

static int set_up(void **state)
{
	size_t n;
	uint8_t *p = mmdb_city(&n);
	snprintf(folder, sizeof folder, "/tmp/sakimori-livemap-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/city.mmdb", folder);
	FILE *f = fopen(path, "wb");
	int r = f && fwrite(p, 1, n, f) == n && fclose(f) == 0 ? 0 : -1;
	free(p);
	return r;
}

static int tear_down(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static struct livemap *make(struct knowing *k)
{
	struct livemap_params p = { .sensors = names, .n = 3, .knows = k, .seed = 5 };
	return livemap_new(&p);
}

/* `n` points of `packets` packets of a class; source 192.0.2.i, destination 198.51.100.7, port i. */
static struct glimpse some(const char *sensor, uint64_t packets, uint32_t n, enum packet_class cls)
{
	struct glimpse g = { .from_ns = START_NS, .to_ns = START_NS + 250 * MS, .packets = packets, .n = n };
	snprintf(g.sensor, sizeof g.sensor, "%s", sensor);
	g.by_class[cls] = packets;
	for (uint32_t i = 0; i < n; i++)
		g.points[i] = (struct glimpse_point){ .ns = START_NS + i * MS,
			.src = addr_from4(0xc0000200 + i),
			.dst = addr_from4(0xc6336407),
			.dport = (uint16_t)i,
			.proto = PROTO_TCP,
			.cls = (uint8_t)cls };
	return g;
}

static json_t *event(struct livemap *lm, uint64_t sensors)
{
	struct message_buf b = { 0 };
	json_error_t e;
	if (!livemap_event(lm, sensors, &b)) {
		assert_int_equal(b.n, 0);
		free(b.p);
		return NULL;
	}
	json_t *j = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, &e);
	if (!j)
		fail_msg("%s: %.*s", e.text, (int)b.n, (const char *)b.p);
	for (size_t i = 0; i < b.n; i++)
		assert_true(b.p[i] >= ' ');
	assert_null(memmem(b.p, b.n, "198.51.100", 10));
	free(b.p);
	return j;
}

static size_t arcs_of(json_t *j, int sensor)
{
	size_t n = 0, i;
	json_t *arc;
	json_array_foreach(json_object_get(j, "arcs"), i, arc)
	{
		assert_int_equal(json_array_size(arc), 8);
		n += json_integer_value(json_array_get(arc, 6)) == sensor;
	}
	return n;
}

static void an_event(void **state)
{
	struct knowing k;
	struct err err = { "" };
	const char *files[] = { path };
	struct knowing_params kp = { .geo = { files, 1 } };
	if (knowing_open(&k, &kp, &err) < 0)
		fail_msg("%s", err.text);
	struct livemap *lm = make(&k);
	struct glimpse g = some("west", 1000, 2, CLASS_TCP_SYN);
	g.by_class[CLASS_FRAG] = 5;
	g.points[0].src = addr_from4(0x08080808);
	g.points[1].cls = CLASS_FRAG;
	assert_int_equal(livemap_turn(lm), 0);
	assert_null(event(lm, 7));
	assert_int_equal(livemap_add(lm, 0, &g), 0);
	assert_null(event(lm, 7)); /* the interval goes on */
	assert_int_equal(livemap_turn(lm), 1);
	json_t *j = event(lm, 7);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "from_ns")), START_NS);
	assert_int_equal(json_integer_value(json_object_get(j, "to_ns")), START_NS + 250 * MS);
	assert_int_equal(json_integer_value(json_object_get(j, "packets")), 1005);
	char *classes = json_dumps(json_object_get(j, "classes"), JSON_COMPACT);
	assert_string_equal(classes, "{\"tcp_syn\":1000,\"frag\":5}");
	char *sensors = json_dumps(json_object_get(j, "sensors"), JSON_COMPACT);
	assert_string_equal(sensors, "[\"west\",\"east\",\"north\"]");
	char *arcs = json_dumps(json_object_get(j, "arcs"), JSON_COMPACT | JSON_REAL_PRECISION(6));
	static const char a[] = "[null,null,0,0,6,\"8.8.8.8\",0,0]", b[] = "[139.8,35.5,6,1,6,\"192.0.2.1\",0,1]";
	char one[200], two[200];
	snprintf(one, sizeof one, "[%s,%s]", a, b);
	snprintf(two, sizeof two, "[%s,%s]", b, a);
	if (strcmp(arcs, one) != 0 && strcmp(arcs, two) != 0)
		fail_msg("%s", arcs);
	free(classes);
	free(sensors);
	free(arcs);
	json_decref(j);
	assert_int_equal(livemap_turn(lm), 0);
	assert_null(event(lm, 7));
	livemap_free(lm);
	knowing_close(&k);
}

static void fair(void **state)
{
	static const struct {
		const char *name;
		uint64_t packets[3];
		uint32_t points[3];
		uint64_t sensors;
		size_t want[3]; /* by place in the event's list */
	} cases[] = {
		{ "one", { 5000 }, { 128 }, 7, { 125 } },
		{ "a loud and two quiet ones", { 900000, 5, 60 }, { 128, 5, 60 }, 7, { 60, 5, 60 } },
		{ "three loud ones", { 1000, 1000, 90000 }, { 128, 128, 128 }, 7, { 42, 42, 41 } },
		{ "the middle one is not his", { 1000, 1000, 1000 }, { 128, 128, 128 }, 5, { 63, 62 } },
		{ "the last one alone", { 1000, 1000, 30 }, { 128, 128, 30 }, 4, { 30 } },
		{ "nothing of his", { 1000, 1000 }, { 128, 128 }, 4, { 0 } },
		{ "none", { 1000, 1000 }, { 128, 128 }, 0, { 0 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct livemap *lm = make(NULL);
		uint64_t packets = 0;
		for (unsigned s = 0; s < 3; s++) {
			struct glimpse g = some(names[s], cases[i].packets[s], cases[i].points[s], CLASS_UDP);
			assert_int_equal(livemap_add(lm, s, &g), 0);
			packets += cases[i].sensors >> s & 1 ? cases[i].packets[s] : 0;
		}
		livemap_turn(lm);
		json_t *j = event(lm, cases[i].sensors);
		assert_int_equal(j != NULL, packets > 0);
		if (j && json_integer_value(json_object_get(j, "packets")) != (json_int_t)packets)
			fail_msg("%s: packets", cases[i].name);
		for (int s = 0; s < 3 && j; s++)
			if (arcs_of(j, s) != cases[i].want[s])
				fail_msg("%s: %zu arcs of %d", cases[i].name, arcs_of(j, s), s);
		json_decref(j);
		livemap_free(lm);
	}
}

/* Two glimpses of one interval: each packet of both as likely as any other. */
static void two_of_one(void **state)
{
	size_t of_first = 0, all = 0;
	struct livemap *lm = make(NULL);
	for (int round = 0; round < 200; round++) {
		struct glimpse g = some("west", 3000, 128, CLASS_UDP), h = some("west", 1000, 128, CLASS_ICMP);
		assert_int_equal(livemap_add(lm, 0, &g), 0);
		assert_int_equal(livemap_add(lm, 0, &h), 0);
		assert_int_equal(livemap_turn(lm), 1);
		json_t *j = event(lm, 1), *arc;
		size_t i;
		assert_int_equal(json_integer_value(json_object_get(j, "packets")), 4000);
		json_array_foreach(json_object_get(j, "arcs"), i, arc) of_first +=
			json_integer_value(json_array_get(arc, 2)) == CLASS_UDP;
		all += json_array_size(json_object_get(j, "arcs"));
		json_decref(j);
	}
	assert_int_equal(all, 200 * LIVEMAP_ARCS);
	assert_in_range(of_first, all * 73 / 100, all * 77 / 100);
	livemap_free(lm);
}

/* Of another sensor, of none, too many, cut off, of the ends of time and of counting. */
static void hostile(void **state)
{
	struct livemap *lm = make(NULL);
	struct glimpse g = some("west", 10, 10, CLASS_UDP);
	struct message_buf b = { 0 };
	assert_int_equal(livemap_add(lm, 1, &g), -1);
	assert_int_equal(livemap_add(lm, 3, &g), -1);
	glimpse_build(&b, &g);
	struct message m = { .kind = MESSAGE_GLIMPSE, .body = { b.p, b.n } };
	for (m.body.n = 0; m.body.n < b.n; m.body.n++)
		assert_int_equal(livemap_message(lm, 0, &m), -1);
	assert_int_equal(livemap_counts(lm).refused, 2 + b.n);
	assert_int_equal(livemap_turn(lm), 0);
	assert_int_equal(livemap_message(lm, 0, &m), 0);
	m.kind = MESSAGE_FINDING;
	assert_int_equal(livemap_message(lm, 0, &m), -1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(livemap_add(lm, 0, &g), 0);
	assert_int_equal(livemap_counts(lm).glimpses, LIVEMAP_GLIMPSES);
	assert_int_equal(livemap_counts(lm).dropped, 101 - LIVEMAP_GLIMPSES);
	g.from_ns = INT64_MIN;
	g.to_ns = INT64_MAX;
	g.points[0].ns = INT64_MIN;
	g.points[1].ns = INT64_MAX;
	memset(g.by_class, 0xff, sizeof g.by_class);
	snprintf(g.sensor, sizeof g.sensor, "east");
	assert_int_equal(livemap_add(lm, 1, &g), 0);
	assert_int_equal(livemap_add(lm, 1, &g), 0);
	g = some("north", 0, 5, CLASS_UDP); /* points of nothing */
	g.to_ns = g.from_ns = INT64_MIN;
	assert_int_equal(livemap_add(lm, 2, &g), 0);
	assert_int_equal(livemap_turn(lm), 3);
	json_decref(event(lm, 1));
	struct message_buf json = { 0 };
	assert_true(livemap_event(lm, 2, &json));
	message_u8(&json, 0);
	assert_non_null(strstr((char *)json.p, "\"packets\":18446744073709551615,"));
	assert_false(livemap_event(lm, 4, &json));
	assert_false(livemap_event(lm, ~UINT64_C(7), &json));
	free(json.p);
	free(b.p);
	livemap_free(lm);
}

/* A replay tells in a quarter of a second what took longer. */
static void offsets(void **state)
{
	static const struct {
		int64_t span_ms, at_ms;
		int want;
	} cases[] = { { 250, 0, 0 }, { 250, 249, 249 }, { 100, 99, 99 }, { 250, -500, 0 }, { 250, 900, 249 },
		{ 15000, 7500, 125 }, { 15000, 15000, 249 }, { 0, 0, 0 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct livemap *lm = make(NULL);
		struct glimpse g = some("west", 1, 1, CLASS_UDP);
		g.to_ns = START_NS + cases[i].span_ms * MS;
		g.points[0].ns = START_NS + cases[i].at_ms * MS;
		assert_int_equal(livemap_add(lm, 0, &g), 0);
		livemap_turn(lm);
		json_t *j = event(lm, 1), *arc = json_array_get(json_object_get(j, "arcs"), 0);
		assert_int_equal(json_integer_value(json_array_get(arc, 7)), cases[i].want);
		json_decref(j);
		livemap_free(lm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_event), cmocka_unit_test(fair),
		cmocka_unit_test(two_of_one), cmocka_unit_test(hostile), cmocka_unit_test(offsets) };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
