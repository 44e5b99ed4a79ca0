// SPDX-License-Identifier: Apache-2.0
#include "store/packetring.h"
#include "store/packetwrite.h"
#include "wire/capfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND	INT64_C(1000000000)
#define START	(INT64_C(1795000000) * SECOND)
#define SOURCE	0xcb007105 /* 203.0.113.5 */
#define DARK	0xc6120001 /* 198.18.0.1 */
#define LIT	0xc0000201 /* 192.0.2.1 */
#define FINDING "0123456789abcdef0123456789abcdef"

static char store[64];
static int dir;
static struct prefixset set;

static int make(void **state)
{
	struct prefix p;
	snprintf(store, sizeof store, "/tmp/sakimori-ring-XXXXXX");
	if (!mkdtemp(store) || prefix_parse("198.18.0.0/16", &p, NULL))
		return -1;
	prefixset_init(&set);
	prefixset_add(&set, &p, INT64_MIN, INT64_MAX, 0);
	prefixset_seal(&set);
	dir = packetring_dir(store, true, NULL);
	return dir < 0 ? -1 : 0;
}

static int drop(void **state)
{
	char command[128];
	close(dir);
	prefixset_fini(&set);
	snprintf(command, sizeof command, "rm -rf %s", store);
	return system(command);
}

/* A SYN as raw IPv4. */
static struct bytes syn(uint8_t frame[40], uint32_t src, uint32_t dst, uint16_t dport)
{
	memset(frame, 0, 40);
	frame[0] = 0x45;
	store_be16(frame + 2, 40);
	frame[8] = 64;
	frame[9] = PROTO_TCP;
	store_be32(frame + 12, src);
	store_be32(frame + 16, dst);
	store_be16(frame + 20, 40000);
	store_be16(frame + 22, dport);
	frame[32] = 0x50;
	frame[33] = TCP_SYN;
	return (struct bytes){ frame, 40 };
}

struct capture {
	struct packetwrite *w;
	unsigned asked;
	bool give;
};

static void ask(void *arg, int64_t ns)
{
	struct capture *c = arg;
	c->asked++;
	if (!c->give)
		return;
	int fd = packetring_open_next(dir, &(struct packetring_next){ .sensor = "tokyo-1", .now_ns = ns }, NULL);
	assert_true(fd >= 0);
	packetwrite_give(c->w, fd);
}

static void put(struct packetwrite *w, int64_t ns, uint32_t src, uint32_t dst, uint16_t dport)
{
	uint8_t frame[40];
	struct packet p;
	struct bytes b = syn(frame, src, dst, dport);
	packet_decode(LINK_RAW, b, &p);
	packetwrite_packet(w, &p, ns, b, 40);
}

/* `n` packets, one a second from START on, every second one to the dark prefix; files of `bytes`. */
static struct packetwrite_counts fill(unsigned n, uint64_t bytes)
{
	struct capture c = { .give = true };
	struct packetwrite_params p = { .dark = &set, .linktype = LINK_RAW, .max_bytes = bytes, .ask = ask, .arg = &c };
	c.w = packetwrite_new(&p);
	for (unsigned i = 0; i < n; i++)
		put(c.w, START + i * SECOND, SOURCE + i % 4 / 2, i % 2 ? LIT : DARK, (uint16_t)(23 + i % 3));
	packetwrite_flush(c.w);
	struct packetwrite_counts counts = packetwrite_counts(c.w);
	packetwrite_free(c.w);
	return counts;
}

static struct packetring_query any(void)
{
	return (struct packetring_query){ .from_ns = START - SECOND,
		.to_ns = START + 1000 * SECOND,
		.sport = -1,
		.dport = -1,
		.proto = -1,
		.max_packets = 1000,
		.max_bytes = 1 << 20 };
}

static struct packetring_found find(const struct packetring_query *q, const char *pinned)
{
	struct packetring_found found;
	struct err err = { "" };
	int fd = memfd_create("found", 0);
	if (packetring_find(dir, q, pinned, fd, &found, &err))
		fail_msg("%s", err.text);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, found.packets ? 24 + found.packets * 16 + found.bytes : 0);
	close(fd);
	return found;
}

static void only_dark_packets_in_files_of_a_size(void **state)
{
	struct packetwrite_counts c = fill(40, 24 + 5 * 56);
	assert_int_equal(c.packets, 20);
	assert_int_equal(c.elsewhere, 20);
	assert_int_equal(c.lost, 0);
	assert_int_equal(c.files, 4);
	struct packetring_query q = any();
	struct packetring_found f = find(&q, NULL);
	assert_int_equal(f.packets, 20);
	assert_int_equal(f.files, 4);
	assert_int_equal(f.linktype, LINK_RAW);
	struct stat st;
	char path[128];
	snprintf(path, sizeof path, "%s/packets/tokyo-1/20261118T110640-0.pcap", store);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~umask(022), st.st_mode & 07777 & 0640);
}

static void packets_by_time_address_port(void **state)
{
	struct addr src = addr_from4(SOURCE + 1), dst = addr_from4(DARK), other = addr_from4(LIT);
	fill(40, 0);
	struct packetring_query q = any();
	q.src = &src;
	assert_int_equal(find(&q, NULL).packets, 10);
	q = any();
	q.dst = &dst;
	assert_int_equal(find(&q, NULL).packets, 20);
	q.dst = &other;
	assert_int_equal(find(&q, NULL).packets, 0);
	q = any();
	q.dport = 24;
	assert_int_equal(find(&q, NULL).packets, 6);
	q = any();
	q.from_ns = START + 10 * SECOND;
	q.to_ns = START + 14 * SECOND;
	assert_int_equal(find(&q, NULL).packets, 3);
	q = any();
	q.sensor = "osaka";
	assert_int_equal(find(&q, NULL).packets, 0);
	q = any();
	q.max_packets = 5;
	assert_int_equal(find(&q, NULL).packets, 5);
	assert_true(find(&q, NULL).limited);
	q = any();
	q.from_ns = START + 100000 * SECOND;
	q.to_ns = INT64_MAX;
	/* The file's time of change is the test's now; its packets are older. */
	assert_int_equal(find(&q, NULL).packets, 0);
}

/* Whatever a killed writer leaves: whole records are read, the cut is counted. */
static void a_cut_file_is_read_to_the_cut(void **state)
{
	char path[128];
	fill(10, 0);
	snprintf(path, sizeof path, "%s/packets/tokyo-1/20261118T110640-0.pcap", store);
	for (int n = 24 + 5 * 56; n >= 0; n--) {
		assert_int_equal(truncate(path, n), 0);
		struct packetring_query q = any();
		struct packetring_found f = find(&q, NULL);
		unsigned want = n < 24 ? 0 : (unsigned)(n - 24) / 56;
		bool cut = n > 0 && (n < 24 || (n - 24) % 56);
		if (f.packets != want || f.cut != cut)
			fail_msg("%d octets: %u packets, cut %u", n, (unsigned)f.packets, (unsigned)f.cut);
	}
}

static struct finding scan(void)
{
	struct finding f = { .id = FINDING,
		.kind = FINDING_SCAN,
		.subject = "203.0.113.5",
		.sensor = "tokyo-1",
		.first_ns = START,
		.last_ns = START + 20 * SECOND,
		.by_flags_n = 1 };
	snprintf(f.by_flags[0].name, sizeof f.by_flags[0].name, "0x02");
	snprintf(f.detail, sizeof f.detail, "tcp");
	return f;
}

static void pinned_packets_stay(void **state)
{
	struct packetring_found found;
	struct packetring_report r;
	struct packetring_limits limits = { .max_bytes = 1 };
	struct finding f = scan();
	fill(40, 24 + 5 * 56);
	assert_int_equal(packetring_pin(dir, &f, &found, NULL), 0);
	assert_int_equal(found.packets, 6);
	/* It grew: what was pinned isn't written twice. */
	f.last_ns = START + 39 * SECOND;
	assert_int_equal(packetring_pin(dir, &f, &found, NULL), 0);
	assert_int_equal(found.packets, 10);
	assert_int_equal(packetring_trim(dir, &limits, START, &r, NULL), 0);
	assert_int_equal(r.dropped_bytes, 3);
	assert_int_equal(r.files, 1);
	assert_int_equal(r.pinned, 1);
	/* The ring has rolled on: pinning again loses nothing. */
	assert_int_equal(packetring_pin(dir, &f, &found, NULL), 0);
	assert_int_equal(found.packets, 10);
	struct packetring_query q = any();
	assert_int_equal(find(&q, FINDING).packets, 13);
	assert_int_equal(find(&q, NULL).packets, 5);
	assert_int_equal(packetring_unpin(dir, FINDING, NULL), 0);
	assert_int_equal(packetring_unpin(dir, FINDING, NULL), 0);
	assert_int_equal(packetring_open_pinned(dir, FINDING, NULL), -ENOENT);
	assert_int_equal(packetring_open_pinned(dir, "../x", NULL), -EINVAL);
}

static void old_files_go(void **state)
{
	struct packetring_report r;
	struct packetring_limits limits = { .age_ns = 60 * SECOND };
	fill(40, 24 + 5 * 56);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t ns = now.tv_sec * SECOND;
	assert_int_equal(packetring_trim(dir, &limits, ns, &r, NULL), 0);
	assert_int_equal(r.files, 4);
	assert_int_equal(packetring_trim(dir, &limits, ns + 100 * SECOND, &r, NULL), 0);
	assert_int_equal(r.dropped_old, 3);
	assert_int_equal(r.files, 1);
}

/* A full disk costs packets, counted, and is tried again after ten seconds. */
static void a_full_disk_is_counted(void **state)
{
	struct capture c = { .give = false };
	struct packetwrite_params p = { .dark = &set, .linktype = LINK_RAW, .ask = ask, .arg = &c };
	c.w = packetwrite_new(&p);
	put(c.w, START, SOURCE, DARK, 23);
	assert_int_equal(packetwrite_counts(c.w).lost, 1);
	assert_int_equal(c.asked, 1);
	packetwrite_give(c.w, open("/dev/full", O_WRONLY | O_APPEND));
	put(c.w, START + 1, SOURCE, DARK, 23);
	put(c.w, START + 2, SOURCE, DARK, 23);
	assert_int_equal(packetwrite_counts(c.w).packets, 2);
	packetwrite_flush(c.w);
	struct packetwrite_counts n = packetwrite_counts(c.w);
	assert_int_equal(n.packets, 0);
	assert_int_equal(n.lost, 3);
	assert_int_equal(n.failures, 1);
	assert_int_equal(n.error, -ENOSPC);
	put(c.w, START + 5 * SECOND, SOURCE, DARK, 23);
	assert_int_equal(c.asked, 1);
	put(c.w, START + 11 * SECOND, SOURCE, DARK, 23);
	assert_int_equal(c.asked, 2);
	packetwrite_free(c.w);
}

/* Nobody hands the next file: the old one goes on for a while, not for ever. */
static void waiting_for_a_file_has_an_end(void **state)
{
	struct capture c = { .give = false };
	struct packetwrite_params p = { .dark = &set, .linktype = LINK_RAW, .max_bytes = 1000, .ask = ask, .arg = &c };
	c.w = packetwrite_new(&p);
	packetwrite_give(c.w, memfd_create("one", 0));
	for (int i = 0; i < 1000; i++)
		put(c.w, START + i, SOURCE, DARK, 23);
	assert_int_equal(c.asked, 1);
	assert_in_range(packetwrite_counts(c.w).bytes, 3500, 4100);
	assert_int_equal(packetwrite_counts(c.w).lost, 1000 - packetwrite_counts(c.w).packets);
	packetwrite_free(c.w);
}

static void names_that_lead_elsewhere(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "../x", "pinned", ".x", "a b" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (packetring_open_next(dir, &(struct packetring_next){ .sensor = bad[i], .now_ns = START }, NULL) !=
			-EINVAL)
			fail_msg("'%s'", bad[i]);
	/* Two of one second have two names. */
	struct packetring_next next = { .sensor = "x", .worker = 1, .now_ns = START };
	int a = packetring_open_next(dir, &next, NULL), b = packetring_open_next(dir, &next, NULL);
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	struct packetring_report r;
	assert_int_equal(packetring_trim(dir, &(struct packetring_limits){ 0 }, START, &r, NULL), 0);
	assert_int_equal(r.files, 2);
	close(a);
	close(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_dark_packets_in_files_of_a_size),
		TEST(packets_by_time_address_port),
		TEST(a_cut_file_is_read_to_the_cut),
		TEST(pinned_packets_stay),
		TEST(old_files_go),
		TEST(a_full_disk_is_counted),
		TEST(waiting_for_a_file_has_an_end),
		TEST(names_that_lead_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
