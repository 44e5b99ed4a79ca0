// SPDX-License-Identifier: Apache-2.0
/* What the world already knows, as an analysis asks for it: files that are loaded before anything is parsed. */
#pragma once
#include "know/geo.h"
#include "know/owner.h"
#include "know/research.h"

struct knowing_files {
	const char *const *v;
	size_t n;
};

struct knowing_params {
	struct knowing_files research; /* acknowledged scanners; know/research.h */
	struct knowing_files names;    /* reverse names that were looked up before */
	struct knowing_files owners;   /* know/owner.h */
	struct knowing_files geo;      /* MMDB files and folders of them; "none": none */
};

struct knowing {
	struct research *research;
	struct owner *owner;
	struct geo *geo;
	/* The last address that was asked for: its facts are wanted one after the other. */
	struct addr at;
	struct location location;
	char key[128];
};

/*
 * Returns 0, or -1 with FILE[:LINE]: reason. Without geo the files that tools/fetch-geo keeps are taken, when there are
 * any. With names the suffixes that come with the program hold too. knowing_close() in any case.
 */
int knowing_open(struct knowing *k, const struct knowing_params *p, struct err *err) NODISCARD;
void knowing_close(struct knowing *k);

/* For struct darknet_params; arg is the struct knowing. */
const char *knowing_research(void *arg, const struct addr *a, int64_t ns);
const char *knowing_owner(void *arg, const struct addr *a, int64_t ns);
void knowing_place(void *arg, const struct addr *a, struct location *out);

/*
 * Where a map draws the address: its position, or the middle of its country. False: nowhere is known. Degrees, within
 * their ranges.
 */
bool knowing_point(struct knowing *k, const struct addr *a, double *latitude, double *longitude);

/* For tallies: "JP", or with `as` "64500 NAME"; NULL: unknown. Lives until the next call. */
const char *knowing_key(struct knowing *k, bool as, const struct addr *a);
