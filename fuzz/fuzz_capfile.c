// SPDX-License-Identifier: Apache-2.0
/*
 * Capture files (capfile.c, capfile_pcapng.c) read twice: from one window over all, and through a window that
 * slides and grows as a pipe's would. Both must give the same records and the same end.
 */
#include "base/err.h"
#include "base/random.h"
#include "wire/capfile.h"

struct result {
	uint64_t hash, records;
	size_t used;
	enum capfile_status status;
};

static void add(struct result *r, const struct capfile_record *rec, struct bytes window)
{
	ENSURE(rec->data.n <= window.n && rec->data.n <= CAPFILE_MAX_BLOCK);
	if (rec->data.n)
		ENSURE(rec->data.p >= window.p && rec->data.p + rec->data.n <= window.p + window.n);
	uint64_t h = random_mix(r->hash ^ rec->wire_len ^ (uint64_t)rec->time_ns ^ (uint64_t)rec->linktype << 40);
	for (size_t i = 0; i < rec->data.n; i++)
		h = (h ^ rec->data.p[i]) * 0x100000001b3u;
	r->hash = h + rec->has_time;
	r->records++;
}

/* `step` 0: the whole input at once; else the window holds what was asked for and at most `step` bytes more. */
static struct result read_all(struct bytes in, size_t step, size_t max)
{
	struct capfile_record recs[64];
	struct capfile *c = capfile_new();
	struct result r = { 0 };
	size_t want = 0;
	unsigned idle = 0; /* it may say once that it knows now what it reads */
	ENSURE(c);
	for (;;) {
		struct bytes window = bytes_from(in, r.used);
		if (step)
			window = bytes_head(window, want + step);
		size_t n, used;
		r.status = capfile_read(c, window, recs, max, &n, &used);
		ENSURE(n <= max && used <= window.n);
		for (size_t i = 0; i < n; i++)
			add(&r, &recs[i], window);
		r.used += used;
		want = capfile_want(c);
		ENSURE(want >= 1 && want <= CAPFILE_MAX_BLOCK + 64);
		if (r.status == CAPFILE_BAD || (r.status == CAPFILE_MORE && r.used + window.n - used == in.n))
			break;
		ENSURE(r.status == CAPFILE_MORE || used || n || idle++ == 0);
	}
	const int *types;
	ENSURE(capfile_linktypes(c, &types) <= in.n);
	if (r.status == CAPFILE_BAD)
		ENSURE(capfile_error(c)[0]);
	else
		ENSURE(capfile_cut(c, bytes_from(in, r.used))[0]);
	r.hash ^= capfile_drops(c) + capfile_oddities(c);
	capfile_free(c);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };
	struct result whole = read_all(in, 0, 64), slid = read_all(in, 1 + size % 61, 1 + size % 7);
	ENSURE(whole.hash == slid.hash && whole.records == slid.records);
	ENSURE(whole.used == slid.used && whole.status == slid.status);
	if (whole.records)
		ENSURE(capfile_recognise(in));
	return 0;
}
