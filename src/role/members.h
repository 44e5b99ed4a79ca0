// SPDX-License-Identifier: Apache-2.0
/* The roles' own parts, for the table in members.c. */
#pragma once
#include "role/member.h"

extern const struct member_role capture_role, keeper_role, analysis_role, query_role, alert_role, forward_role,
	collect_role, metrics_role, desk_role;
