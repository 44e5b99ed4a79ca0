// SPDX-License-Identifier: Apache-2.0
/*
 * Roles that were taken over, before a real keeper in a process of its own: what they send against the rules is
 * refused and counted, takes no memory for good, and the others go on.
 */
#include "role/batch.h"
#include "role/members.h"
#include "role/sender.h"
#include "role/supervisor.h"
#include "store/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static const char config_text[] = "network: {operator: self}\nsensors:\n"
				  "  - {name: west, interface: lo}\n  - {name: east, interface: lo}\n";

/* What a keeper may take more than before, in KiB; a sanitizer keeps what was freed for a while. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT(kib) ((unsigned long)(kib) + 400 * 1024)
#else
#define LIMIT(kib) ((unsigned long)(kib))
#endif

static char dir[] = "/tmp/planted.XXXXXX";
static pid_t keeper;
static int control;
static struct counters *page;

/* ---- the keeper ---- */

static void become_keeper(const int fds[3])
{
	struct member_options o = { .store = dir, .parent = getppid() };
	for (int i = 0; i < 3; i++)
		if (fcntl(fds[i], F_DUPFD, 100 + i) < 0)
			_exit(126);
	for (int i = 0; i < 3; i++)
		if (dup2(100 + i, MEMBER_CONTROL + i) < 0)
			_exit(126);
	close_range(MEMBER_FREE, ~0u, 0);
	_exit(member_main(ROLE_KEEPER, 0, &o));
}

static int receive(int fd, struct message *m, int timeout_ms)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, timeout_ms) <= 0)
		return -1;
	ssize_t n = recv(fd, buffer, sizeof buffer, 0);
	return n <= 0 ? 0 : message_parse((struct bytes){ buffer, (size_t)n }, m) == 0 ? 1 : 0;
}

static int start(void **state)
{
	struct yaml_faults faults = { 0 };
	struct err err = { "" };
	struct config *c;
	struct message m;
	int pair[2];
	assert_non_null(mkdtemp(dir));
	assert_int_equal(
		config_parse(&c, (struct bytes){ (const uint8_t *)config_text, sizeof config_text - 1 }, &faults), 0);
	assert_int_equal(supervisor_directory(dir, &err), 0);
	assert_int_equal(channel_pair(pair), 0);
	int fds[3] = { pair[1], supervisor_config_fd(c), counters_make(&page, dir, "keeper", &err) };
	assert_true(fds[1] >= 0 && fds[2] >= 0);
	config_free(c);
	keeper = fork();
	if (keeper == 0)
		become_keeper(fds);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	control = pair[0];
	assert_int_equal(receive(control, &m, 10000), 1);
	assert_int_equal(m.kind, MESSAGE_READY);
	return 0;
}

static int end(void **state)
{
	char command[64];
	int status;
	uint8_t stop[MESSAGE_HEADER];
	message_header_build(stop, &(struct message){ .kind = MESSAGE_STOP });
	send(control, stop, sizeof stop, MSG_NOSIGNAL);
	assert_int_equal(waitpid(keeper, &status, 0), keeper);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(control);
	counters_unmap(page);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command);
}

/* ---- roles ---- */

static int send_raw(int fd, const void *p, size_t n, const int *fds, int fds_n)
{
	union {
		char space[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control_space = { 0 };
	struct iovec iov = { (void *)p, n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fds_n) {
		h.msg_control = &control_space;
		h.msg_controllen = CMSG_SPACE((size_t)fds_n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)fds_n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)fds_n * sizeof(int));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static int tell(int fd, enum message_kind kind, uint64_t sequence, const void *body, size_t n)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct message m = { .kind = (uint16_t)kind, .count = 1, .sequence = sequence };
	message_header_build(buffer, &m);
	memcpy(buffer + MESSAGE_HEADER, body, n);
	return send_raw(fd, buffer, MESSAGE_HEADER + n, NULL, 0);
}

static int edge(enum role_id role, unsigned index)
{
	uint8_t out[MESSAGE_HEADER + 3] = { [MESSAGE_HEADER] = (uint8_t)role, (uint8_t)index, 0 };
	int pair[2];
	assert_int_equal(channel_pair(pair), 0);
	message_header_build(out, &(struct message){ .kind = MESSAGE_EDGE });
	assert_int_equal(send_raw(control, out, sizeof out, &pair[1], 1), 0);
	close(pair[1]);
	return pair[0];
}

static int hello_as(int fd, uint64_t id, const char *sensor)
{
	struct message_buf b = { 0 };
	struct sender_hello h = { .id = id };
	snprintf(h.sensor, sizeof h.sensor, "%s", sensor);
	sender_hello_put(&b, &h);
	int r = tell(fd, MESSAGE_HELLO, 0, b.p, b.n);
	free(b.p);
	return r;
}

/* Greets; the last sequence that is kept. */
static uint64_t greet(int fd, const char *sensor, const char *what)
{
	struct message m;
	assert_int_equal(hello_as(fd, sender_id(sensor, what), sensor), 0);
	do
		assert_int_equal(receive(fd, &m, 10000), 1);
	while (m.kind != MESSAGE_WELCOME); /* analysis and alert are told what is kept, too */
	return m.sequence;
}

static int commit(int fd, uint64_t sequence)
{
	uint8_t body[9] = { 1 };
	return tell(fd, MESSAGE_COMMIT, sequence, body, sizeof body);
}

/* Blocks of one flow. */
static struct column_buf sealed(uint64_t sender, uint64_t sequence, const char *sensor)
{
	struct column_buf out = { 0 };
	struct archive_encoder *e = archive_encoder_new();
	struct flow f = { .packets = 1, .bytes = 40, .first_ns = 1, .last_ns = 1, .proto = 17 };
	struct archive_batch a = { .flows = &f, .n = 1, .sender = sender, .sequence = sequence };
	f.src = addr_from4(0xcb007109);
	f.dst = addr_from4(0xc6120001);
	snprintf(a.sensor, sizeof a.sensor, "%s", sensor);
	archive_encode(e, &a, &out);
	archive_encoder_free(e);
	return out;
}

/* An honest sensor beside the others: its batches are kept, at once. */
static int honest = -1;
static uint64_t honest_last;

static void goes_on(void)
{
	struct message m;
	uint64_t id = sender_id("east", "live");
	if (honest < 0) {
		honest = edge(ROLE_CAPTURE, 1);
		honest_last = greet(honest, "east", "live");
	}
	struct column_buf b = sealed(id, honest_last + 1, "east");
	assert_int_equal(tell(honest, MESSAGE_BLOCKS, honest_last + 1, b.p, b.n), 0);
	assert_int_equal(commit(honest, ++honest_last), 0);
	assert_int_equal(receive(honest, &m, 10000), 1);
	assert_int_equal(m.kind, MESSAGE_ACK);
	assert_int_equal(m.sequence, honest_last);
	column_buf_free(&b);
}

static bool is_closed(int fd, int timeout_ms)
{
	struct message m;
	int r;
	while ((r = receive(fd, &m, timeout_ms)) == 1)
		;
	return r == 0;
}

static unsigned descriptors(void)
{
	char path[64];
	unsigned n = 0;
	for (int i = 0; i < 700; i++) {
		struct stat st;
		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)keeper, i);
		n += lstat(path, &st) == 0;
	}
	return n;
}

static unsigned long resident_kib(void)
{
	char path[64], line[256];
	unsigned long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)keeper);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* ---- what they try ---- */

static void wrong_kind(int fd)
{
	greet(fd, "west", "live");
	tell(fd, MESSAGE_FINDING, 1, "", 0);
}

static void answer_of_the_keeper(int fd)
{
	tell(fd, MESSAGE_ACK, 1, "", 0);
}

static void no_kind(int fd)
{
	tell(fd, (enum message_kind)(MESSAGE_KIND_N + 7), 1, "", 0);
}

static void wraps_kind(int fd)
{
	tell(fd, (enum message_kind)(64 + MESSAGE_HELLO), 1, "", 0); /* no bit of its own in 64 */
}

static void too_long(int fd)
{
	static uint8_t octets[MESSAGE_MAX + 1];
	greet(fd, "west", "live");
	message_header_build(octets, &(struct message){ .kind = MESSAGE_BLOCKS, .sequence = 1 });
	send_raw(fd, octets, sizeof octets, NULL, 0);
}

static void garbage(int fd)
{
	uint8_t octets[333];
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 37 + 11);
	send_raw(fd, octets, sizeof octets, NULL, 0);
}

static void half_a_header(int fd)
{
	send_raw(fd, "\4", 1, NULL, 0);
}

static void another_version(int fd)
{
	uint8_t octets[MESSAGE_HEADER];
	message_header_build(octets, &(struct message){ .kind = MESSAGE_HELLO });
	octets[2] = octets[3] = 0x7f;
	send_raw(fd, octets, sizeof octets, NULL, 0);
}

static void with_fds(int fd, int n)
{
	uint8_t octets[MESSAGE_HEADER];
	int fds[4] = { fd, fd, fd, fd };
	message_header_build(octets, &(struct message){ .kind = MESSAGE_BLOCKS, .sequence = 1 });
	send_raw(fd, octets, sizeof octets, fds, n);
}

static void a_descriptor(int fd)
{
	with_fds(fd, 1);
}

static void four_descriptors(int fd)
{
	with_fds(fd, 4);
}

static void no_greeting(int fd)
{
	commit(fd, 1);
}

static void greeting_cut(int fd)
{
	tell(fd, MESSAGE_HELLO, 0, "\1\2\3", 3);
}

static void greeting_of_another(int fd)
{
	hello_as(fd, sender_id("east", "live"), "east");
}

/* Its batches would take the numbers of the honest one's. */
static void number_of_another(int fd)
{
	hello_as(fd, sender_id("east", "live"), "west");
}

static void number_by_analysis(int fd)
{
	hello_as(fd, sender_id("east", "live"), "");
}

static void block_of_another(int fd)
{
	uint64_t id = sender_id("west", "live"), n = greet(fd, "west", "live") + 1;
	struct column_buf b = sealed(id, n, "east");
	tell(fd, MESSAGE_BLOCKS, n, b.p, b.n);
	commit(fd, n);
	column_buf_free(&b);
}

static void block_of_another_sender(int fd)
{
	uint64_t n = greet(fd, "west", "live") + 1;
	struct column_buf b = sealed(sender_id("east", "live"), n, "west");
	tell(fd, MESSAGE_BLOCKS, n, b.p, b.n);
	commit(fd, n);
	column_buf_free(&b);
}

static void block_of_another_batch(int fd)
{
	uint64_t id = sender_id("west", "live"), n = greet(fd, "west", "live") + 1;
	struct column_buf b = sealed(id, n + 1, "west");
	tell(fd, MESSAGE_BLOCKS, n, b.p, b.n);
	commit(fd, n);
	column_buf_free(&b);
}

static void block_cut(int fd)
{
	uint64_t id = sender_id("west", "live"), n = greet(fd, "west", "live") + 1;
	struct column_buf b = sealed(id, n, "west");
	tell(fd, MESSAGE_BLOCKS, n, b.p, b.n - 1);
	commit(fd, n);
	column_buf_free(&b);
}

static void clocks_of_two(int fd)
{
	uint64_t n = greet(fd, "west", "live") + 1;
	tell(fd, MESSAGE_CLOCK, n, "\1", 1);
	commit(fd, n + 1);
}

static void gap_of_another(int fd)
{
	struct gap g = { .sensor = "east", .from_ns = 1, .to_ns = INT64_MAX, .reason = "killed" };
	struct message_buf b = { 0 };
	uint64_t n = greet(fd, "west", "live") + 1;
	message_row(&b, &gap_kind, &g);
	tell(fd, MESSAGE_GAP, n, b.p, b.n);
	commit(fd, n);
	free(b.p);
}

static void gap_by_alert(int fd)
{
	greet(fd, "", "alert");
	tell(fd, MESSAGE_GAP, 1, "", 0);
}

static void audit_by_capture(int fd)
{
	tell(fd, MESSAGE_AUDIT, 1, "\1\0a\1\0b\1\0c", 9);
}

/* Floods: sending blocks or fails once the keeper has closed. */
static void flood_of_blocks(int fd)
{
	static uint8_t octets[MESSAGE_BODY];
	greet(fd, "west", "live");
	for (size_t sent = 0; sent <= 2 * BATCH_BLOCKS; sent += sizeof octets)
		if (tell(fd, MESSAGE_BLOCKS, 1, octets, sizeof octets) < 0)
			return;
}

static void flood_of_gaps(int fd)
{
	struct gap g = { .sensor = "west", .from_ns = 1, .to_ns = 2, .reason = "killed" };
	struct message_buf b = { 0 };
	greet(fd, "west", "live");
	message_row(&b, &gap_kind, &g);
	for (size_t i = 0; i <= 2 * (size_t)BATCH_ROWS; i++)
		if (tell(fd, MESSAGE_GAP, 1, b.p, b.n) < 0)
			break;
	free(b.p);
}

static void flood_of_clocks(int fd)
{
	static uint8_t octets[1 << 16];
	greet(fd, "west", "live");
	for (int i = 0; i < 200; i++)
		if (tell(fd, MESSAGE_CLOCK, 1, octets, sizeof octets) < 0)
			return;
}

static const struct trial {
	const char *name;
	enum role_id role;
	void (*run)(int fd);
} trials[] = {
	{ "a kind that its edge may not carry", ROLE_CAPTURE, wrong_kind },
	{ "a kind that is the keeper's", ROLE_CAPTURE, answer_of_the_keeper },
	{ "no kind at all", ROLE_CAPTURE, no_kind },
	{ "a kind beyond the bits", ROLE_CAPTURE, wraps_kind },
	{ "one octet too long", ROLE_CAPTURE, too_long },
	{ "garbage", ROLE_CAPTURE, garbage },
	{ "half a header", ROLE_CAPTURE, half_a_header },
	{ "another version", ROLE_CAPTURE, another_version },
	{ "a descriptor", ROLE_CAPTURE, a_descriptor },
	{ "four descriptors", ROLE_CAPTURE, four_descriptors },
	{ "a batch before the greeting", ROLE_CAPTURE, no_greeting },
	{ "half a greeting", ROLE_CAPTURE, greeting_cut },
	{ "the greeting of another sensor", ROLE_CAPTURE, greeting_of_another },
	{ "the number of another sensor", ROLE_CAPTURE, number_of_another },
	{ "the number of a sensor, from analysis", ROLE_ANALYSIS, number_by_analysis },
	{ "a block of another sensor", ROLE_CAPTURE, block_of_another },
	{ "a block of another sender", ROLE_CAPTURE, block_of_another_sender },
	{ "a block of another batch", ROLE_CAPTURE, block_of_another_batch },
	{ "a block without its last octet", ROLE_CAPTURE, block_cut },
	{ "half a batch in another", ROLE_CAPTURE, clocks_of_two },
	{ "a gap of another sensor", ROLE_CAPTURE, gap_of_another },
	{ "a gap from alert", ROLE_ALERT, gap_by_alert },
	{ "an audit line from capture", ROLE_CAPTURE, audit_by_capture },
	{ "more blocks than a batch has", ROLE_CAPTURE, flood_of_blocks },
	{ "more gaps than a batch has", ROLE_CAPTURE, flood_of_gaps },
	{ "more clocks than a batch has", ROLE_CAPTURE, flood_of_clocks },
};

static bool counted(uint64_t n)
{
	for (int i = 0; i < 300 && counters_get(page, COUNTER_REFUSED) < n; i++)
		poll(NULL, 0, 10);
	return counters_get(page, COUNTER_REFUSED) == n;
}

static void against_the_rules(void **state)
{
	size_t n = sizeof trials / sizeof *trials;
	uint64_t before = counters_get(page, COUNTER_REFUSED);
	goes_on();
	unsigned open = descriptors();
	unsigned long most = resident_kib() + LIMIT(160 * 1024);
	for (size_t i = 0; i < n; i++) {
		int fd = edge(trials[i].role, 0);
		trials[i].run(fd);
		if (!is_closed(fd, 10000))
			fail_msg("%s: not closed", trials[i].name);
		close(fd);
		goes_on();
		if (descriptors() != open)
			fail_msg("%s: %u descriptors, %u before", trials[i].name, descriptors(), open);
		if (resident_kib() > most)
			fail_msg("%s: %lu KiB", trials[i].name, resident_kib());
	}
	if (!counted(before + n))
		fail_msg(
			"%llu refused, not %zu", (unsigned long long)(counters_get(page, COUNTER_REFUSED) - before), n);
}

/* It gives batches and never reads an answer. What it is told waits up to a limit; the others don't. */
static void reads_nothing(void **state)
{
	int fd = edge(ROLE_CAPTURE, 0);
	uint64_t n = greet(fd, "west", "live");
	unsigned long before = resident_kib();
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	for (int i = 0; i < 3000 && poll(&p, 1, 2000) > 0; i++) {
		assert_int_equal(commit(fd, ++n), 0);
		if (i % 500 == 0)
			goes_on();
	}
	goes_on();
	assert_true(resident_kib() < before + LIMIT(32 * 1024));
	close(fd);
	goes_on();
}

/* Half a batch and then nothing: nothing of it is kept, and it may come again whole. */
static void half_a_batch(void **state)
{
	struct message m;
	uint64_t id = sender_id("west", "live");
	int fd = edge(ROLE_CAPTURE, 0);
	uint64_t n = greet(fd, "west", "live") + 1, kept = 0;
	struct column_buf b = sealed(id, n, "west");
	assert_int_equal(tell(fd, MESSAGE_BLOCKS, n, b.p, b.n), 0);
	goes_on();
	kept = counters_get(page, COUNTER_STORED_FLOWS);
	close(fd);
	fd = edge(ROLE_CAPTURE, 0);
	assert_int_equal(greet(fd, "west", "live"), n - 1);
	assert_int_equal(counters_get(page, COUNTER_STORED_FLOWS), kept);
	for (int again = 0; again < 2; again++) { /* whole, and once more: it is answered, and kept once */
		assert_int_equal(tell(fd, MESSAGE_BLOCKS, n, b.p, b.n), 0);
		assert_int_equal(commit(fd, n), 0);
		assert_int_equal(receive(fd, &m, 10000), 1);
		assert_int_equal(m.kind, MESSAGE_ACK);
		assert_int_equal(counters_get(page, COUNTER_STORED_FLOWS), kept + 1);
	}
	assert_int_equal(counters_get(page, COUNTER_REPEATED), 1);
	column_buf_free(&b);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_the_rules),
		cmocka_unit_test(reads_nothing),
		cmocka_unit_test(half_a_batch),
	};
	return cmocka_run_group_tests(tests, start, end);
}
