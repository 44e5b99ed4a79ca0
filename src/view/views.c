// SPDX-License-Identifier: Apache-2.0
#include "view/list.h"

const struct view *const views[] = {
	&openapi_view,
	&findings_view,
	&findings_csv_view,
	NULL,
};
