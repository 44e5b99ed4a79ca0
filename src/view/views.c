// SPDX-License-Identifier: Apache-2.0
#include "view/list.h"

const struct view *const views[] = {
	&openapi_view,
	&report_telescope_view,
	NULL,
};
