// SPDX-License-Identifier: Apache-2.0
/* Every view of this program; views.c has them in the order of the reference. */
#pragma once
#include "view/view.h"

extern const struct view openapi_view;
extern const struct view summary_view;
extern const struct view top_view;
extern const struct view findings_view;
extern const struct view findings_csv_view;
extern const struct view finding_view;
extern const struct view finding_pcap_view;
extern const struct view finding_comment_view;
extern const struct view finding_assign_view;
extern const struct view finding_mute_view;
extern const struct view finding_unmute_view;
