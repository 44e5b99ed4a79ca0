// SPDX-License-Identifier: Apache-2.0
/* Every view of this program; views.c has them in the order of the reference. */
#pragma once
#include "view/view.h"

extern const struct view openapi_view;
extern const struct view report_telescope_view;
