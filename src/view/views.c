// SPDX-License-Identifier: Apache-2.0
#include "view/list.h"

const struct view *const views[] = {
	&openapi_view,
	&summary_view,
	&top_view,
	&findings_view,
	&findings_csv_view,
	&finding_view,
	&finding_pcap_view,
	&finding_comment_view,
	&finding_assign_view,
	&finding_mute_view,
	&finding_unmute_view,
	NULL,
};
