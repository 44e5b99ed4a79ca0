// SPDX-License-Identifier: Apache-2.0
/* What views of findings, cases and the system have in common. For use inside view/. */
#pragma once
#include "model/remark.h"
#include "store/findings.h"
#include "view/view.h"

#define RECORDS_TEXT_MAX 2000 /* octets of what people write */

#define RECORDS_SAMPLE                                                                                                 \
	"{ns: integer, src: text, sport: integer, dst: text, dport: integer, proto: integer, head: text|null}"

/* finding_json_fields() */
#define RECORDS_FINDING                                                                                                \
	"id: text, kind: text, subject: text, sensor: text, tool: text|null, shape: text|null, packets: integer, "     \
	"targets: integer|null, ports: integer|null, port_list: [integer], top_ports: [integer], "                     \
	"packets_by_flags: {*: integer}, destinations: integer|null, sources: integer|null, first: text, "             \
	"first_ns: integer, last: text, last_ns: integer, confidence: integer, severity: text|null, spoofable: bool, " \
	"country: text|null, asn: integer|null, as_name: text|null, "                                                  \
	"place: {city: text|null, latitude: number|null, longitude: number|null}|null, detail: text|null, "            \
	"samples: [" RECORDS_SAMPLE "], counts: {*: integer}"

/* records_said() */
#define RECORDS_SAID "muted_until: text|null, muted_until_ns: integer|null, assigned: text|null, comments: integer"

#define RECORDS_PERIOD                                                                                                 \
	{ "from", VIEW_TIME, "start of the time asked for", NULL, "now-24h" },                                         \
	{                                                                                                              \
		"to", VIEW_TIME, "its end, which does not belong to it", NULL, "now"                                   \
	}

/* Reads `from` and `to`. */
int records_period(const struct view_call *c, int64_t *from_ns, int64_t *to_ns, struct err *err) NODISCARD;

/* What a function of the store returned, as an enum view_error. `stopped`: what -STORE_STOPPED means. */
int records_code(int rc, int stopped);

/* Stops a walk over records: nobody waits any more, or the answer can't be written. */
bool records_over(const struct view_call *c);

/* "NAME" and "NAME_ns", null when it is 0. */
void records_time(struct json *j, const char *name, int64_t ns);

void records_said(struct json *j, const struct findings_said *said);

/* The finding as the caller may see it. Changes `f`. */
void records_finding(const struct view_call *c, struct json *j, struct finding *f, const struct findings_said *said);

/*
 * What a person wrote: at least `least` characters that aren't blank, at most `size` - 1 octets and RECORDS_TEXT_MAX,
 * no control characters but newlines, nothing that turns the direction of text around (UAX #9). 0 or VIEW_BAD.
 */
int records_check(const char *name, const char *text, size_t least, size_t size, struct err *err) NODISCARD;

/* A thing that a command says of a finding or case. */
struct records_word {
	const char *tenant, *subject, *kind, *text;
	int64_t until_ns;
	const char *what; /* of the line in the audit */
};

/* Has it kept; `out` is the record. 0 or an enum view_error. */
int records_remark(struct view_call *c, const struct records_word *w, struct remark *out, struct err *err) NODISCARD;

/* Has a record kept, VIEW_AWAY where nothing may be written. */
int records_put(struct view_call *c, const struct view_put *p, struct err *err) NODISCARD;

/* Would a spreadsheet take it for a formula? */
bool records_formula(const char *text);

/* A cell of a CSV file (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe in front. */
void records_cell(FILE *out, const char *text);
