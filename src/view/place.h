// SPDX-License-Identifier: Apache-2.0
/* What several answers say of a source: where it is, and which tools its packets have the marks of. */
#pragma once
#include "view/view.h"

#define PLACE_TOOLS 4 /* zmap, masscan, mirai, nmap */
#define PLACE_SHAPE                                                                                                    \
	"{country: text|null, asn: integer|null, as_name: text|null, city: text|null, latitude: number|null, "         \
	"longitude: number|null}|null"

/* "place": null when nothing is known of it. */
void place_json(const struct view_call *c, struct json *j, const struct addr *a);

/* Adds the packets of a flow that has a tool's mark. */
void place_marks(uint32_t marks[PLACE_TOOLS], const struct flow *f);

/* The names of the tools whose mark three packets have, and half of all. */
void place_tools(struct json *j, const uint32_t marks[PLACE_TOOLS], uint64_t packets);

/* "zmap|masscan|mirai|nmap" to the tags of flows; 0: no such word. */
uint16_t place_tags(const char *word);
