// SPDX-License-Identifier: Apache-2.0
/* The decision noun: what shall be done, on what basis, how far it reaches, until when, and who approved. */
#pragma once
#include "model/row.h"

struct decision {
	char id[40]; /* UUIDv7 */
	char tenant[64];
	char subject[128];   /* address, prefix, device or name it acts on */
	char means[32];	     /* which response */
	char scope[256];     /* where it applies */
	char basis[256];     /* authority or consent it rests on */
	char evidence[4096]; /* list of finding ids */
	uint64_t reach;	     /* addresses it touches */
	uint64_t collateral; /* of them, those that nothing is held against */
	int64_t from_ns, to_ns;
	char state[32];
	char approvers[1024]; /* list of users */
	char signature[256];  /* hex */
};

extern const struct row_kind decision_kind;
