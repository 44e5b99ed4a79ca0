// SPDX-License-Identifier: Apache-2.0
/* alert: the ways out to people, tried and explained. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun alert_noun;
