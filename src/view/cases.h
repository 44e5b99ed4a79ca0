// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of cases (docs/cases.md): one infection of one party is one case; packets to dark space alone make it `watch`
 * (own-watch) or `suspected` (own-suspect), never `confirmed`, because anybody can forge them. For use inside view/.
 */
#pragma once
#include "model/case.h"
#include "view/records.h"

#define CASES_OPEN_STATES "watch|suspected|confirmed"
#define CASES_CODES	  "false-alarm|duplicate|cleaned|gone|no-answer"
#define CASES_MAX	  2000 /* looked through; older ones are not seen as open ones of an address */

/* The fields of a case, as row_json_fields() writes them. */
#define CASES_FIELDS                                                                                                   \
	"id: text, tenant: text|null, party: text|null, devices: [text], state: text|null, opened: text|null, "        \
	"opened_ns: integer|null, next_step: text|null, due: text|null, due_ns: integer|null, holder: text|null, "     \
	"findings: [text], close_code: text|null"

/* A case by its id: 1 found, 0 not, or an enum view_error. */
int cases_get(struct view_call *c, const char *id, struct case_record *out, struct err *err) NODISCARD;

/* The address that a finding about an own one names; "(masked)" stays. */
void cases_address(const struct finding *f, char out[64]);

/* Whose the address is, "OWNER, contact CONTACT" in two; empty: nobody knows. Of the list, else of the finding. */
struct cases_owner {
	char owner[256], contact[256];
};
void cases_owner(
	const struct view_call *c, const char *address, const char *detail, int64_t ns, struct cases_owner *out);

/* Does a list hold the item? */
bool cases_holds(const char *list, const char *item);
