// SPDX-License-Identifier: Apache-2.0
/* Rows of what a role that was taken over could try. */
#pragma once
#include "role/members.h"
#include "role/member.h"

#if defined(__SANITIZE_ADDRESS__)
#define WALLS_SANITIZED 1
#elif defined(__has_feature)
#define WALLS_SANITIZED __has_feature(address_sanitizer)
#else
#define WALLS_SANITIZED 0
#endif

/* What such a process finds. */
struct walls_place {
	enum role_id role;
	pid_t victim;	    /* of the same user */
	const char *store;  /* directory, as the role sees it */
	const char *beside; /* directory beside it */
	int packet;	    /* capture: a packet socket behind the guard, else -1 */
	int space;	    /* a network namespace */
	int pipe[2], pair[2], listening;
};

struct walls_trial {
	const char *name;
	int (*run)(const struct walls_place *p); /* < 0: refused */
	int call;				 /* that the filter refuses, -1: any */
	unsigned works, held;			 /* roles, by bit: it works; the kernel or Landlock refuses it */
	unsigned roles;				 /* that try it */
	bool sanitized;				 /* a sanitizer's build refuses it, too; or it works there */
};

extern const struct walls_trial walls_trials[];
extern const size_t walls_trials_n;
