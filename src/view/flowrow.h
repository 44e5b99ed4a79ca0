// SPDX-License-Identifier: Apache-2.0
/* A flow as `telescope flows --json` prints it and /flows answers it, and as a line of CSV. */
#pragma once
#include "base/json.h"
#include "model/flow.h"

/* The fields inside an object that the caller has begun. */
void flowrow_fields(struct json *j, const struct flow *f);

/* The fields of it in the shape language of view.h. */
#define FLOWROW_SHAPE                                                                                                  \
	"src: text, dst: text, sport: integer, dport: integer, protocol: integer, ttl: integer, tcp_flags: integer, "  \
	"ip_len: integer, packets: integer, bytes: integer, class: text, first: text, first_ns: integer, last: text, " \
	"last_ns: integer, tags: [text]"

/* Heading and line (RFC 4180); tags are separated by blanks. A sensor whose name begins like a formula gets an
 * apostrophe. */
void flowrow_csv_head(FILE *out);
void flowrow_csv(FILE *out, const struct flow *f, const char *sensor);
