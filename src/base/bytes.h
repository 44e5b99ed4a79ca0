// SPDX-License-Identifier: Apache-2.0
/*
 * Bounded views of outside bytes. Every byte of a packet or document is reached through bytes_need() or
 * bytes_from(), which say no instead of reading past the end. A view owns nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NODISCARD __attribute__((warn_unused_result))

struct bytes {
	const uint8_t *p;
	size_t n;
};

/* The `n` bytes at offset `off`, or NULL when the view does not hold all of them. */
static inline const uint8_t *bytes_need(struct bytes b, size_t off, size_t n)
{
	return off <= b.n && n <= b.n - off ? b.p + off : NULL;
}

/* What lies behind the first `off` bytes; empty when there is nothing. */
static inline struct bytes bytes_from(struct bytes b, size_t off)
{
	return off < b.n ? (struct bytes){ b.p + off, b.n - off } : (struct bytes){ b.p + b.n, 0 };
}

/* At most the first `n` bytes. */
static inline struct bytes bytes_head(struct bytes b, size_t n)
{
	return (struct bytes){ b.p, b.n < n ? b.n : n };
}

static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline uint16_t load_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t load_le64(const uint8_t *p)
{
	return (uint64_t)load_le32(p + 4) << 32 | load_le32(p);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}

static inline void store_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void store_le32(uint8_t *p, uint32_t v)
{
	store_le16(p, (uint16_t)v);
	store_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void store_le64(uint8_t *p, uint64_t v)
{
	store_le32(p, (uint32_t)v);
	store_le32(p + 4, (uint32_t)(v >> 32));
}
