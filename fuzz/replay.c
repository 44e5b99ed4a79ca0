// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target as an ordinary test, without libFuzzer: each file of the corpus whole and cut
 * short (at each byte up to 4 KiB, at 1,000 seeded places behind), then seeded mutations.
 *
 *	replay_NAME CORPUS [MUTATIONS [SEED]]	the default count is $SAKIMORI_MUTATIONS or 20,000
 *	replay_NAME FILE			one input alone, as a crash left it
 *
 * An input that crashes or takes longer than INPUT_SECONDS is written to crash-NAME-... in the
 * working folder. Each input lies at the end of its own allocation, so that one byte too far is seen.
 */
#include "base/random.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES     4096
#define INPUT_MAX     (1u << 20)
#define CUT_EACH      4096
#define CUT_SEEDED    1000
#define INPUT_SECONDS 20
#define MAX_EDITS     8
#define GROWTH	      512 /* most bytes that edits add */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct seed_file {
	char name[256];
	uint8_t *data;
	size_t size;
};

static struct seed_file files[MAX_FILES];
static size_t n_files;

/* What runs now, for the report of a crash. */
static const char *target = "target";
static const uint8_t *now_data;
static size_t now_size;
static char now_what[400];

/* Only async-signal-safe calls: it also runs from the handler of SIGALRM. */
static void report(void)
{
	char path[512];
	if (!now_data) /* a leak, told at the end of the process: no input of its own */
		return;
	snprintf(path, sizeof path, "crash-%s-%u", target, (unsigned)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	dprintf(STDERR_FILENO, "input: %s, %zu bytes, written to %s\n", now_what, now_size, path);
	if (fd < 0)
		return;
	ssize_t done = write(fd, now_data, now_size);
	if (done < 0 || (size_t)done != now_size)
		dprintf(STDERR_FILENO, "(not all of it)\n");
	close(fd);
}

static void too_slow(int sig)
{
	dprintf(STDERR_FILENO, "no end after %d seconds\n", INPUT_SECONDS);
	report();
	_exit(1);
}

static void crashed(int sig)
{
	report();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	now_data = copy;
	now_size = size;
	alarm(INPUT_SECONDS);
	LLVMFuzzerTestOneInput(size ? copy : copy + 1, size);
	now_data = NULL;
	free(copy);
}

static int load(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	struct seed_file *s = &files[n_files];
	if (!f || n_files == MAX_FILES) {
		fprintf(stderr, "%s: can't be read\n", path);
		return -1;
	}
	s->data = malloc(INPUT_MAX);
	s->size = s->data ? fread(s->data, 1, INPUT_MAX, f) : 0;
	fclose(f);
	snprintf(s->name, sizeof s->name, "%s", name);
	n_files++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct seed_file *)a)->name, ((const struct seed_file *)b)->name);
}

static int load_all(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return load(".", path);
	DIR *dir = opendir(path);
	if (!dir) {
		perror(path);
		return -1;
	}
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.' && load(path, e->d_name) < 0) {
			closedir(dir);
			return -1;
		}
	closedir(dir);
	qsort(files, n_files, sizeof *files, by_name);
	return 0;
}

static void cuts(const struct seed_file *s, struct random *rnd)
{
	snprintf(now_what, sizeof now_what, "%.250s, cut short", s->name);
	for (size_t n = 0; n < s->size && n <= CUT_EACH; n++)
		run(s->data, n);
	if (s->size > CUT_EACH)
		for (int i = 0; i < CUT_SEEDED; i++)
			run(s->data, CUT_EACH + (size_t)random_below(rnd, s->size - CUT_EACH));
}

/* Values at the edges of types, written over one, two or four bytes in either order. */
static void edge(uint8_t *d, size_t n, struct random *rnd)
{
	static const uint32_t edges[] = { 0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xffffffff };
	uint32_t v = edges[random_below(rnd, sizeof edges / sizeof *edges)];
	size_t width = (size_t)1 << random_below(rnd, 3);
	if (n < width)
		return;
	size_t at = (size_t)random_below(rnd, n - width + 1);
	bool big = random_below(rnd, 2);
	for (size_t i = 0; i < width; i++)
		d[at + i] = (uint8_t)(v >> 8 * (big ? width - 1 - i : i));
}

static size_t put_in(uint8_t *d, size_t n, size_t at, size_t len, struct random *rnd)
{
	memmove(d + at + len, d + at, n - at);
	/* Random bytes for a while; behind them stands once more what stood there. */
	for (size_t i = 0; i < len && random_below(rnd, 4); i++)
		d[at + i] = (uint8_t)random_u64(rnd);
	return n + len;
}

static size_t take_out(uint8_t *d, size_t n, size_t at, size_t len)
{
	len = len < n - at ? len : n - at;
	memmove(d + at, d + at + len, n - at - len);
	return n - len;
}

/* One edit of the n bytes; at most `room` may be there afterwards. Returns their new number. */
static size_t edit(uint8_t *d, size_t n, size_t room, struct random *rnd)
{
	size_t at = n ? (size_t)random_below(rnd, n) : 0, len = 1 + (size_t)random_below(rnd, 32);
	uint64_t kind = n ? random_below(rnd, 7) : 4;
	if (kind == 0) {
		d[at] ^= (uint8_t)(1u << random_below(rnd, 8));
	} else if (kind == 1) {
		d[at] = (uint8_t)random_u64(rnd);
	} else if (kind == 2) {
		edge(d, n, rnd);
	} else if (kind == 3) {
		return take_out(d, n, at, len);
	} else if (kind == 4) {
		return len <= room - n ? put_in(d, n, at, len, rnd) : n;
	} else if (kind == 5) {
		if (n > len)
			memmove(d + (at + len <= n ? at : n - len), d + random_below(rnd, n - len), len);
	} else {
		return at;
	}
	return n;
}

/* The head of one file and the tail of another. */
static size_t join(uint8_t *d, size_t n, const struct seed_file *other, struct random *rnd)
{
	size_t head = n ? (size_t)random_below(rnd, n) : 0;
	size_t from = other->size ? (size_t)random_below(rnd, other->size) : 0, len = other->size - from;
	if (len > n + GROWTH - head)
		len = n + GROWTH - head;
	memcpy(d + head, other->data + from, len);
	return head + len;
}

static void mutate(uint64_t seed, uint64_t number, uint8_t *work)
{
	struct random rnd;
	random_init(&rnd, seed + number);
	const struct seed_file *s = &files[random_below(&rnd, n_files)];
	size_t n = s->size, room = s->size + GROWTH;
	memcpy(work, s->data, n);
	if (random_below(&rnd, 8) == 0)
		n = join(work, n, &files[random_below(&rnd, n_files)], &rnd);
	for (uint64_t edits = 1 + random_below(&rnd, MAX_EDITS); edits; edits--)
		n = edit(work, n, room, &rnd);
	snprintf(now_what, sizeof now_what, "%s, mutation %llu of seed %llu", s->name, (unsigned long long)number,
		(unsigned long long)seed);
	run(work, n);
}

static void run_corpus(bool with_cuts, uint64_t seed)
{
	struct random rnd;
	random_init(&rnd, seed);
	for (size_t i = 0; i < n_files; i++) {
		snprintf(now_what, sizeof now_what, "%.250s", files[i].name);
		run(files[i].data, files[i].size);
		if (with_cuts)
			cuts(&files[i], &rnd);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s CORPUS|FILE [MUTATIONS [SEED]]\n", argv[0]);
		return 2;
	}
	target = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *env = getenv("SAKIMORI_MUTATIONS");
	uint64_t mutations = strtoull(argc > 2 ? argv[2] : env ? env : "20000", NULL, 10);
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct stat st;
	bool single = stat(argv[1], &st) == 0 && S_ISREG(st.st_mode);
	signal(SIGALRM, too_slow);
	signal(SIGABRT, crashed);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(report);
	if (load_all(argv[1]) < 0 || n_files == 0) {
		fprintf(stderr, "%s: no corpus\n", argv[1]);
		return 1;
	}
	run_corpus(!single, seed);
	uint8_t *work = malloc(INPUT_MAX + 2 * GROWTH);
	mutations = work && !single ? mutations : 0;
	for (uint64_t i = 0; i < mutations; i++)
		mutate(seed, i, work);
	alarm(0);
	printf("%s: %zu files, %llu mutations of seed %llu\n", target, n_files, (unsigned long long)mutations,
		(unsigned long long)seed);
	free(work);
	for (size_t i = 0; i < n_files; i++)
		free(files[i].data);
	return 0;
}
