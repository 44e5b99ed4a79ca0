// SPDX-License-Identifier: Apache-2.0
/* Archives with their parts evidencetar and evidencetext. */
#include "store/evidence.h"
#include "model/clock.h"
#include "store/evidenceverify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW  INT64_C(1795000000)
#define CASE "01934567-89ab-7def-8123-456789abcdef"

static char dir[64];
static struct store *store;
static struct keys *keys;

static struct finding finding(int n)
{
	struct finding f = { .kind = FINDING_SCAN,
		.sensor = "tokyo-1",
		.packets = 5,
		.first_ns = n * INT64_C(1000000000),
		.last_ns = (n + 9) * INT64_C(1000000000),
		.confidence = 70,
		.severity = "low",
		.spoofable = true };
	snprintf(f.subject, sizeof f.subject, "203.0.113.%d", n);
	finding_identify(&f);
	return f;
}

static int make(void **state)
{
	struct err err = { "" };
	struct finding f[3] = { finding(1), finding(2), finding(3) };
	struct gap gaps[2] = { { "tokyo-1", 2000000000, 3000000000, "kernel-drop", 7 },
		{ "osaka", 2000000000, 3000000000, "kernel-drop", 9 } };
	struct clock_minute clock = { .sensor = "tokyo-1", .state = "synchronised", .source = "adjtimex" };
	struct case_record c = { .id = CASE, .tenant = "default", .state = "suspected", .opened_ns = 5000000000 };
	struct store_batch b = { .sensor = "tokyo-1", .findings = f, .findings_n = 3, .gaps = gaps, .gaps_n = 2 };
	snprintf(dir, sizeof dir, "/tmp/sakimori-evidence-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	row_list_add(c.findings, sizeof c.findings, f[0].id);
	row_list_add(c.findings, sizeof c.findings, f[2].id);
	store = store_open(dir, STORE_WRITE, NULL, &err);
	keys = keys_open(dir, KEYS_WRITE, NOW, NULL, &err);
	if (!store || !keys || store_commit(store, &b, &err) || store_put(store, &case_kind, &c, &err) ||
		store_put(store, &clock_kind, &clock, &err) || keys_make(keys, NULL, &err) != 5) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static int drop(void **state)
{
	char command[128];
	store_close(store);
	keys_close(keys);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static int export(const char *id, int *fd, struct evidence_made *made)
{
	struct err err = { "" };
	struct evidence_params p = {
		.store = store, .keys = keys, .dir = dir, .id = id, .program = "test", .now_ns = NOW * 1000000000
	};
	*fd = memfd_create("evidence", 0);
	int rc = evidence_export(&p, *fd, made, &err);
	if (rc)
		assert_true(err.text[0] != '\0');
	lseek(*fd, 0, SEEK_SET);
	return rc;
}

static bool holds(int fd, const char *text)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	bool found = memmem(p, (size_t)st.st_size, text, strlen(text)) != NULL;
	munmap(p, (size_t)st.st_size);
	return found;
}

static void a_case_with_its_findings(void **state)
{
	struct evidence_made made;
	struct evidence_result r;
	char name[64];
	int fd;
	assert_int_equal(export("01934567", &fd, &made), 0);
	assert_true(made.is_case);
	assert_int_equal(made.findings, 2);
	assert_int_equal(made.without_packets, 2);
	assert_int_equal(evidenceverify_fd(fd, (struct bytes){ 0 }, &r, NULL), 0);
	if (!r.good)
		fail_msg("%s", r.reason);
	assert_string_equal(r.id, CASE);
	assert_string_equal(r.kind, "case");
	assert_string_equal(r.key, made.key);
	snprintf(name, sizeof name, "finding-%s.json", finding(3).id);
	assert_true(holds(fd, name));
	snprintf(name, sizeof name, "finding-%s.json", finding(2).id);
	assert_false(holds(fd, name));
	/* The gap of its own sensor, not that of another; what is missing is said. */
	assert_true(holds(fd, "\"dropped\":7"));
	assert_false(holds(fd, "\"dropped\":9"));
	assert_true(holds(fd, "samples only"));
	assert_true(holds(fd, "Sensor's clock: synchronised"));
	assert_true(holds(fd, "adjtimex"));
	close(fd);
}

static void the_same_twice_is_the_same_bytes(void **state)
{
	struct evidence_made made;
	static uint8_t a[1 << 18], b[1 << 18];
	int fd;
	assert_int_equal(export(finding(1).id, &fd, &made), 0);
	ssize_t n = read(fd, a, sizeof a);
	close(fd);
	assert_int_equal(export(finding(1).id, &fd, &made), 0);
	assert_int_equal(read(fd, b, sizeof b), n);
	close(fd);
	assert_true(n > 2048);
	assert_memory_equal(a, b, (size_t)n);
	/* Every cut is refused, but for one in the padding at the end. */
	for (size_t cut = 0; cut < (size_t)n; cut += 61) {
		struct evidence_result r;
		assert_int_equal(evidenceverify_bytes((struct bytes){ a, cut }, (struct bytes){ 0 }, &r, NULL), 0);
		if (r.good && cut < (size_t)n - 1536)
			fail_msg("good with %zu of %zd octets", cut, n);
	}
}

static void ids_that_fit_nothing_or_several(void **state)
{
	struct evidence_made made;
	int fd;
	assert_int_equal(export("zzzz", &fd, &made), -EVIDENCE_ABSENT);
	close(fd);
	assert_int_equal(export("", &fd, &made), -EVIDENCE_ABSENT);
	close(fd);
	char path[128];
	snprintf(path, sizeof path, "%s/keys/evidence.pem", dir);
	unlink(path);
	assert_int_equal(export("01934567", &fd, &made), -EVIDENCE_KEYS);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_case_with_its_findings),
		TEST(the_same_twice_is_the_same_bytes),
		TEST(ids_that_fit_nothing_or_several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
