// SPDX-License-Identifier: Apache-2.0
/* The sensor noun: who watches, where, which dark prefixes since when, and how far its clock can be trusted. */
#pragma once
#include "model/row.h"

struct sensor {
	char id[64];
	char tenant[64];
	char place[128];
	char dark[4096];      /* list: "PREFIX FROM TO", dates as YYYY-MM-DD, "-" for open */
	char clock_state[16]; /* synchronised, unsynchronised, unknown, scenario */
	int64_t clock_offset_ns;
};

extern const struct row_kind sensor_kind;
