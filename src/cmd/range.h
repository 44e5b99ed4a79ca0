// SPDX-License-Identifier: Apache-2.0
/* The commands of the range: traffic and networks of one's own making. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun range_noun;
