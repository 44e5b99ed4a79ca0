// SPDX-License-Identifier: Apache-2.0
/* Every view of this program; views.c has them in the order of the reference. */
#pragma once
#include "view/view.h"

extern const struct view openapi_view;
extern const struct view summary_view;
extern const struct view top_view;
extern const struct view timeline_view;
extern const struct view flows_view;
extern const struct view flows_csv_view;
extern const struct view arcs_view;
extern const struct view overview_view;
extern const struct view sources_view;
extern const struct view source_view;
extern const struct view pcap_view;
extern const struct view findings_view;
extern const struct view findings_csv_view;
extern const struct view finding_view;
extern const struct view finding_pcap_view;
extern const struct view finding_comment_view;
extern const struct view finding_assign_view;
extern const struct view finding_mute_view;
extern const struct view finding_unmute_view;
extern const struct view own_view;
extern const struct view cases_view;
extern const struct view case_view;
extern const struct view case_open_view;
extern const struct view case_change_view;
extern const struct view sensors_view;
extern const struct view gaps_view;
extern const struct view clock_view;
extern const struct view alerts_view;
extern const struct view audit_view;
extern const struct view disk_view;
extern const struct view report_telescope_view;
