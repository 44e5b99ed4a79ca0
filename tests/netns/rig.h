// SPDX-License-Identifier: Apache-2.0
/* Two namespaces with a pair between them, a bounded sender of raw frames, a watched child. For tests and benchmarks.
 */
#pragma once
#include "netns/iface.h"

#include <stdbool.h>

/* One a class, then other layers and tags. */
enum rig_kind {
	RIG_SYN,
	RIG_SYN_ACK,
	RIG_ACK,
	RIG_FIN,
	RIG_RST,
	RIG_PUSH,
	RIG_XMAS,
	RIG_UDP,
	RIG_ICMP,
	RIG_GRE,
	RIG_CUT,  /* TCP with 4 octets of header */
	RIG_FRAG, /* a later fragment */
	RIG_SYN6,
	RIG_FRAG6, /* a later fragment */
	RIG_ARP,
	RIG_NONIP,
	RIG_BADIP,
	RIG_VLAN,  /* SYN behind one tag */
	RIG_VLAN2, /* behind two */
	RIG_VLAN3, /* behind three */
	RIG_KINDS
};

#define RIG_FRAME 128

/* Frame number `i` of its kind from one of `sources` sources to one of 65,536 targets. Returns its length. */
size_t rig_frame(uint8_t out[RIG_FRAME], enum rig_kind kind, unsigned i, unsigned sources);

struct rig {
	struct netns a, b; /* interface va in a, vb in b */
	int out;	   /* raw socket on va */
};

int rig_open(struct rig *r, struct err *err) NODISCARD;
void rig_close(struct rig *r);

/* Sends frames 0 .. n-1 of the kind at most at `pps` (0: as fast as it goes). Returns how many the kernel took. */
unsigned rig_send(struct rig *r, enum rig_kind kind, unsigned n, unsigned sources, unsigned pps);

/* A program in namespace b; its output is read through pipes. */
struct rig_program {
	struct netns_process process;
	int out, err;
	size_t n, err_n;
	char text[1 << 18], err_text[4096];
};

/* Starts argv (NULL at the end) and waits up to ten seconds until its standard error holds `ready`. Returns 0 or -1. */
int rig_start(struct rig *r, struct rig_program *p, const char *const *argv, const char *ready);

/* Reads output until it holds `text` or the time is over. */
bool rig_until(struct rig_program *p, const char *text, int timeout_ms);

/* Reads output to its end and waits for the end of the program: its exit code, -1 when it didn't end in time (it is
 * then killed). */
int rig_finish(struct rig_program *p, int timeout_ms);
