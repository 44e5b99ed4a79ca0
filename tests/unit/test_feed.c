// SPDX-License-Identifier: Apache-2.0
/* One file through 1, 2 and 3 workers, read and mapped, with two seeds: the same flows, sources and minutes in the same
 * order. */
#include "range/traffic.h"
#include "sensor/telescope/feed.h"
#include "wire/pcapwrite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a sink saw, folded: any difference in content or order shows. */
struct seen {
	uint64_t hash, flows, late, sources, minutes;
};

static void fold(struct seen *s, const void *p, size_t n)
{
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i++)
		s->hash = (s->hash ^ b[i]) * 0x100000001b3u;
}

static void see_flow(void *arg, const struct flow *f, bool late)
{
	struct seen *s = arg;
	s->flows++;
	s->late += late;
	fold(s, &f->src, 32);
	fold(s, (uint64_t[]){ f->sport, f->dport, f->ip_len, f->proto, f->ttl, f->tcp_flags, f->cls, f->tags }, 64);
	fold(s, (uint64_t[]){ f->packets, f->bytes, (uint64_t)f->first_ns, (uint64_t)f->last_ns, late }, 40);
}

static void see_source(void *arg, const struct source *f)
{
	struct seen *s = arg;
	s->sources++;
	fold(s, &f->addr, 16);
	fold(s, (uint64_t[]){ (uint64_t)f->minute, (uint64_t)f->first_ns, (uint64_t)f->last_ns, f->packets, f->bytes },
		40);
	fold(s, f->by_class, sizeof f->by_class);
	fold(s, f->marks, sizeof f->marks);
	fold(s, (uint32_t[]){ f->syns, f->constants }, 8);
}

static void see_minute(void *arg, int64_t ns)
{
	struct seen *s = arg;
	s->minutes++;
	fold(s, &ns, 8);
}

struct writing {
	struct pcapwrite *out;
	size_t n;
};

/* Now and then a packet from the past, up to two minutes, and one with a tag or cut short. */
static int write_packet(void *arg, int64_t ns, struct bytes frame)
{
	struct writing *w = arg;
	uint8_t tagged[2048];
	size_t i = w->n++;
	if (i % 97 == 0)
		ns -= (int64_t)(i % 13) * 10000000000;
	if (i % 89 == 0 && frame.n + 4 < sizeof tagged) {
		memcpy(tagged, frame.p, 12);
		memcpy(tagged + 12, "\x81\0\0\7", 4);
		memcpy(tagged + 16, frame.p + 12, frame.n - 12);
		frame = (struct bytes){ tagged, frame.n + 4 };
	}
	if (i % 83 == 0)
		frame = bytes_head(frame, i % 60);
	return pcapwrite_packet(w->out, ns, frame, (uint32_t)frame.n);
}

static int capture(enum traffic_profile profile, char path[64])
{
	struct traffic_params p;
	struct err err;
	int fd = memfd_create("feed", MFD_CLOEXEC);
	assert_true(fd >= 0);
	traffic_params_init(&p, profile);
	p.packets = 60000;
	struct writing w = { .out = pcapwrite_new(fd, PCAPWRITE_NS, LINK_ETHERNET) };
	struct traffic *t = traffic_new(&p, &err);
	assert_non_null(t);
	assert_int_equal(traffic_run(t, write_packet, &w), 0);
	traffic_free(t);
	assert_int_equal(pcapwrite_free(w.out), 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static struct seen run(const char *path, unsigned workers, uint64_t seed, struct telescope_counts *counts)
{
	struct seen s = { .hash = 0xcbf29ce484222325u };
	struct feed_params fp = { .workers = workers,
		.telescope = { .seed = seed, .sorted = true, .max_flows = 100000, .max_sources = 100000 } };
	fp.telescope.sink =
		(struct telescope_sink){ .arg = &s, .flow = see_flow, .source = see_source, .minute = see_minute };
	struct input *in;
	struct err err;
	struct feed_file file;
	assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
	struct feed *f = feed_new(&fp);
	assert_int_equal(feed_file(f, in, &file, NULL, NULL), 0);
	assert_false(file.truncated);
	feed_finish(f);
	*counts = feed_counts(f);
	feed_free(f);
	input_close(in);
	return s;
}

static void same_for_all(void **state)
{
	static const enum traffic_profile profiles[] = { TRAFFIC_WORST, TRAFFIC_REPEAT, TRAFFIC_IP6 };
	for (size_t k = 0; k < sizeof profiles / sizeof *profiles; k++) {
		char path[64];
		int fd = capture(profiles[k], path);
		struct telescope_counts one, many;
		struct seen first = run(path, 1, 1, &one);
		assert_true(one.packets == 60000 && one.late > 0 && first.late == one.late && one.vlan > 0);
		for (unsigned workers = 1; workers <= 3; workers++) {
			struct seen s = run(path, workers, workers + 10, &many);
			assert_true(s.flows == first.flows && s.late == first.late && s.sources == first.sources);
			assert_true(s.minutes == first.minutes && many.minutes == one.minutes);
			assert_memory_equal(many.classes, one.classes, sizeof one.classes);
			assert_memory_equal(many.layers, one.layers, sizeof one.layers);
			assert_true(many.packets == one.packets && many.bytes == one.bytes && many.flows == one.flows);
			assert_true(many.first_ns == one.first_ns && many.last_ns == one.last_ns);
			/* Late flows of several workers are put in order, so only without them the calls are the same.
			 */
			if (workers == 1)
				assert_true(s.hash == first.hash);
		}
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_for_all) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
