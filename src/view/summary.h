// SPDX-License-Identifier: Apache-2.0
/*
 * What came, in which class, from how many, and what was concluded of it: the one object that `telescope read --json`
 * prints and that /summary answers. Of captures everything is concluded anew. Of the store the findings are those that
 * it keeps, once a sensor has told what it watches: so they have the ids, samples and numbers of the other pages, own
 * addresses too. (What is known of the own ranges is in nobody's row, and a time that cuts an event in two would make
 * another one of it.) A store into which captures were only read has no such row: there too all is concluded anew.
 */
#pragma once
#include "analysis/tally/tally.h"
#include "sensor/telescope/telescope.h"
#include "view/view.h"

#define SUMMARY_FINDINGS 20000u /* shown; what is more is counted in findings_left_out */
#define SUMMARY_LISTS	 5

struct summary {
	const struct telescope_counts *counts;
	bool decoded;	    /* every link type in use is one we decode */
	bool wire;	    /* octets on the wire are known: not from the store */
	uint64_t undecoded; /* packets of other link types */
	uint64_t files;
	const char *last_digits;    /* a last time that 64 bits don't hold; NULL: counts->last_ns */
	bool has_distinct, exact;   /* sources are known; all of them exactly */
	uint64_t distinct[2];	    /* of IPv4, IPv6 */
	const struct tally *tally;  /* of sources and ports; NULL: not asked for */
	size_t rows;		    /* of the top lists */
	uint64_t refused;	    /* by the limits of the analysis */
	bool no_research;	    /* findings about acknowledged scanners aren't shown */
	const struct view_call *as; /* dark addresses as this caller may see them; NULL: as they are */
	/* Members of captures: "link_types", "truncated" ... NULL: none. */
	void (*link_types)(void *arg, struct json *j);
	void (*inputs)(void *arg, struct json *j);
	void *arg;

	struct summary_list {
		FILE *out;
		char *text;
		size_t n;
		struct json j;
	} lists[SUMMARY_LISTS];
	uint64_t findings, findings_left_out;
};

/* What the caller set before stays. summary_free() in any case. */
void summary_start(struct summary *s);
void summary_free(struct summary *s);

/* Is it a kind that a summary has? */
bool summary_shows(const struct finding *f);

/* Adds a finding; others than summary_shows() are ignored. */
void summary_finding(struct summary *s, const struct finding *f);

/* One line. Nothing may be added afterwards. */
void summary_json(struct summary *s, FILE *out);
