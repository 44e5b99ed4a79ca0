// SPDX-License-Identifier: Apache-2.0
#include "store/flowsort.h"

#include <stdlib.h>

#define AHEAD 16
#define SMALL 24

int flowsort_cmp(const struct flow *a, const struct flow *b)
{
	/* By octets alone, also where an IPv6 packet carries an IPv4-mapped source: blocks say least and greatest
	 * source. */
	int d = addr_cmp(&a->src, &b->src);
	if (!d)
		d = flow_cmp(a, b);
	if (!d)
		d = (int)a->cls - b->cls;
	return d ? d : (int)a->tags - b->tags;
}

/* Word `k` of the sort key, the most significant first. What the words leave out is settled among the few rows that
 * tie. */
static uint64_t key_word(const struct flow *f, bool wide, int k)
{
	if (!wide && k == 0)
		return (uint64_t)addr_to4(&f->src) << 32 | (uint64_t)f->dport << 16 | addr_to4(&f->dst) >> 16;
	if (!wide)
		return (uint64_t)addr_to4(&f->dst) << 48 | (uint64_t)f->sport << 32 | (uint64_t)f->ip_len << 16 |
		       (uint64_t)f->proto << 8 | f->ttl;
	switch (k) {
	case 0:
		return load_be64(f->src.b);
	case 1:
		return load_be64(f->src.b + 8);
	case 2:
		return f->dport;
	case 3:
		return load_be64(f->dst.b);
	default:
		return load_be64(f->dst.b + 8);
	}
}

/* Sorts by one word, a byte a pass; bytes that are the same everywhere cost nothing. */
static void radix(struct flowsort_item *a, struct flowsort_item *b, uint32_t *rows, size_t n)
{
	uint32_t count[8][256] = { 0 };
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < 8; k++)
			count[k][a[i].word >> 8 * k & 0xff]++;
	for (int k = 0; k < 8; k++) {
		if (count[k][a[0].word >> 8 * k & 0xff] == n)
			continue;
		uint32_t at[256], sum = 0;
		for (int v = 0; v < 256; v++) {
			at[v] = sum;
			sum += count[k][v];
		}
		for (size_t i = 0; i < n; i++)
			b[at[a[i].word >> 8 * k & 0xff]++] = a[i];
		struct flowsort_item *t = a;
		a = b;
		b = t;
	}
	for (size_t i = 0; i < n; i++)
		rows[i] = a[i].row;
}

static void merge(const struct flow *flows, uint32_t *rows, uint32_t *tmp, size_t half, size_t n)
{
	size_t i = 0, j = half, k = 0;
	memcpy(tmp, rows, half * sizeof *rows);
	while (i < half && j < n)
		rows[k++] = flowsort_cmp(&flows[rows[j]], &flows[tmp[i]]) < 0 ? rows[j++] : tmp[i++];
	memcpy(rows + k, tmp + i, (half - i) * sizeof *rows);
}

static void insertion(const struct flow *flows, uint32_t *rows, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t row = rows[i];
		size_t k = i;
		for (; k > 0 && flowsort_cmp(&flows[row], &flows[rows[k - 1]]) < 0; k--)
			rows[k] = rows[k - 1];
		rows[k] = row;
	}
}

/* Bottom-up, so that one flooding key can't cost more than n log n. */
static void sort_ties(const struct flow *flows, uint32_t *rows, uint32_t *tmp, size_t n)
{
	for (size_t i = 0; i < n; i += SMALL)
		insertion(flows, rows + i, n - i < SMALL ? n - i : SMALL);
	for (size_t step = SMALL; step < n; step *= 2)
		for (size_t i = 0; i + step < n; i += 2 * step)
			merge(flows, rows + i, tmp, step, n - i < 2 * step ? n - i : 2 * step);
}

static bool same_words(const struct flow *a, const struct flow *b, bool wide, int words)
{
	for (int k = 0; k < words; k++)
		if (key_word(a, wide, k) != key_word(b, wide, k))
			return false;
	return true;
}

bool flowsort_sorted(const struct flow *flows, const uint32_t *rows, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (flowsort_cmp(&flows[rows[i - 1]], &flows[rows[i]]) > 0)
			return false;
	return true;
}

void flowsort_rows(const struct flow *flows, uint32_t *rows, size_t n, bool wide, struct flowsort_item *scratch)
{
	int words = wide ? 5 : 2;
	if (n < 2)
		return;
	for (int k = words - 1; k >= 0; k--) {
		for (size_t i = 0; i < n; i++) {
			if (i + AHEAD < n)
				__builtin_prefetch(&flows[rows[i + AHEAD]]);
			scratch[i] = (struct flowsort_item){ key_word(&flows[rows[i]], wide, k), rows[i] };
		}
		radix(scratch, scratch + n, rows, n);
	}
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && same_words(&flows[rows[i]], &flows[rows[end]], wide, words); end++)
			;
		if (end - i > 1)
			sort_ties(flows, rows + i, (uint32_t *)(void *)scratch, end - i);
	}
}
