// SPDX-License-Identifier: Apache-2.0
/*
 * The supervisor about itself: STORE/run/supervisor.counters, so that whoever looks can tell a daemon that runs from
 * one that was killed (its pid began at another time, or is gone). Beside it STORE/run/lock, held as long as it lives:
 * one daemon a store.
 */
#pragma once
#include "role/member.h"

struct selfpage {
	struct counters *page;
	int page_fd, lock_fd;
	int ping_ms; /* how often; 0: not */
};

/* Takes the store and the pages of this run. `config_path`: NULL: none. Returns 0, or -1 with the reason: another
 * daemon has it. selfpage_close() in any case. */
int selfpage_open(struct selfpage *s, const char *store, const char *config_path, struct err *err) NODISCARD;
void selfpage_close(struct selfpage *s, const char *why);

/* A sign of life, in the page and to the service manager. */
void selfpage_tick(struct selfpage *s);

/* The resident memory of a process in octets, 0: unknown; and when it began, in ticks since the boot, 0: there is none.
 */
uint64_t selfpage_resident(pid_t pid);
uint64_t selfpage_born(pid_t pid);
