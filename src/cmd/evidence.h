// SPDX-License-Identifier: Apache-2.0
/* The commands of evidence: signed archives of findings and cases, and their verification. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun evidence_noun;
