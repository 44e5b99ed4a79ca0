// SPDX-License-Identifier: Apache-2.0
#include "role/members.h"

#include "console/console.h"

/* Here, not in role/: the console lies above it. */

/* A row a process; NULL: it is none of its own. */
const struct member_role *const member_roles[ROLE_N] = {
	[ROLE_CAPTURE] = &capture_role,
	[ROLE_ANALYSIS] = &analysis_role,
	[ROLE_KEEPER] = &keeper_role,
	[ROLE_QUERY] = &query_role,
	[ROLE_ALERT] = &alert_role,
	[ROLE_METRICS] = &metrics_role,
	[ROLE_FORWARD] = &forward_role,
	[ROLE_COLLECT] = &collect_role,
	[ROLE_DESK] = &desk_role,
	[ROLE_CONSOLE] = &console_role,
};
