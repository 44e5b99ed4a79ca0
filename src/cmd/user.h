// SPDX-License-Identifier: Apache-2.0
/* sakimori user: who may use the console, by whoever may write the store; the way back in for one who is locked out. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun user_noun;
