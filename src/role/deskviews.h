// SPDX-License-Identifier: Apache-2.0
/* The desk's own questions, beside those of the store: who is logged in, users, tokens, the daemon. */
#pragma once
#include "view/view.h"

extern const struct view *const desk_views[]; /* ended by NULL; for view_find() */
