// SPDX-License-Identifier: Apache-2.0
/* The commands of the keys: make, list, show, issue to sensors, rotate, revoke. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun key_noun;
