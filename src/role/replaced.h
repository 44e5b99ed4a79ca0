// SPDX-License-Identifier: Apache-2.0
/* Notices that a pair of files was replaced, by looking again and again: what they are, never what is in them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct replaced {
	struct replaced_file {
		uint64_t device, node, size;
		int64_t changed_ns; /* 0: it isn't there */
	} force[2], last[2];
	bool begun;
};

/*
 * True once for each time that the files are others than those in force and stayed the same from one look to the next,
 * so that both have been written. The first look tells what is in force. NULL paths: never.
 */
bool replaced_look(struct replaced *r, const char *a, const char *b);
