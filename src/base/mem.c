// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Noreturn void out_of_memory(size_t size)
{
	fprintf(stderr, "sakimori: out of memory: %zu bytes refused by the system\n", size);
	abort();
}

void *mem_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		out_of_memory(size);
	if (size >= 2u << 20)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
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
