// SPDX-License-Identifier: Apache-2.0
/*
 * Three kinds of trouble: a bug stops the program (ENSURE), an operating failure is a negative code, bad input is a
 * value that is counted. Text for people goes through an optional `struct err *`: callers that don't want it pass NULL.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Always compiled in: a broken invariant ends the process with file and line. */
#define ENSURE(cond) ((cond) ? (void)0 : ensure_failed(#cond, __FILE__, __LINE__))

_Noreturn void ensure_failed(const char *cond, const char *file, int line);

struct err {
	char text[512]; /* no newline at the end; bytes from outside are escaped by whoever prints */
};

/* Replaces the text. Returns `code`, so that a caller can write: return err_set(err, -E..., "..."). */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text. Returns `code`. */
int err_prefix(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
