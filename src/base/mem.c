// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Noreturn void out_of_memory(size_t size)
{
	fprintf(stderr, "sakimori: out of memory: %zu bytes refused by the system\n", size);
	abort();
}

#define HUGE ((size_t)2 << 20)

static bool lean;

void mem_lean(void)
{
	lean = true;
}

void mem_busy(void *p, size_t size)
{
	if (lean && size >= HUGE)
		madvise(p, size, MADV_HUGEPAGE);
}

void mem_touch(void *p, size_t size)
{
	if (!lean)
		memset(p, 0, size);
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		out_of_memory(size);
	return p;
}

void *mem_map(size_t size)
{
	if (size < HUGE)
		return map(size);
	/* Map more, then give back what lies before and behind the aligned part. */
	size_t rounded = (size + 4095) & ~(size_t)4095;
	uint8_t *p = map(rounded + HUGE);
	size_t before = (HUGE - ((uintptr_t)p & (HUGE - 1))) & (HUGE - 1);
	if (before)
		ENSURE(munmap(p, before) == 0);
	if (HUGE - before)
		ENSURE(munmap(p + before + rounded, HUGE - before) == 0);
	madvise(p + before, rounded, lean ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	return p + before;
}

void mem_unmap(void *p, size_t size)
{
	if (p)
		ENSURE(munmap(p, size) == 0);
}

void *mem_new(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		out_of_memory(size);
	return p;
}

void *mem_grow(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);
	if (!p)
		out_of_memory(size);
	return p;
}
