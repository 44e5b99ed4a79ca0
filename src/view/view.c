// SPDX-License-Identifier: Apache-2.0
#include "view/view.h"

const char *view_level_name(enum view_level l)
{
	static const char *const names[] = { "open", "viewer", "analyst", "approver", "admin" };
	return names[l];
}
