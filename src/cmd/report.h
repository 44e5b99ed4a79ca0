// SPDX-License-Identifier: Apache-2.0
/* sakimori report: what a stretch of the calendar looked like, for people who publish or decide. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun report_noun;
