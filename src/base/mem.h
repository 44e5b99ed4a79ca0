// SPDX-License-Identifier: Apache-2.0
/*
 * Memory with process lifetime for tables: big blocks on huge pages, given back whole. A first touch of a page costs
 * more than the work done in it, so tables are grown by doubling and reused, never freed and taken again.
 */
#pragma once
#include <stddef.h>

/*
 * Zeroed memory of `size` bytes: page aligned, from 2 MiB on aligned to huge pages and asked for on them. Only what is
 * touched takes memory, so that a table can reserve its limit and never move. Ends the process when the system has no
 * address space.
 */
void *mem_map(size_t size);

/*
 * From now on mem_map() asks for small pages: for a process that may idle for its whole life, where a page of 2 MiB
 * holds a few hundred octets. A table that fills says so by mem_busy(), and what it touches from then on lies on huge
 * pages, as far as the system has them; without mem_lean() that does nothing.
 */
void mem_lean(void);
void mem_busy(void *p, size_t size);

/* Touches fresh memory of mem_map() now, so that the first burst doesn't have to; with mem_lean() it has to. */
void mem_touch(void *p, size_t size);

void mem_unmap(void *p, size_t size);

/* malloc, calloc and realloc that end the process with a message instead of returning NULL. Free with free(3). */
void *mem_new(size_t size);
void *mem_grow(void *p, size_t size);
