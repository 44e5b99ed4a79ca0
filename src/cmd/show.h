// SPDX-License-Identifier: Apache-2.0
/* What several commands print for people. */
#pragma once
#include "base/cli.h"
#include "model/finding.h"

/* One finding as one line. */
void show_finding(FILE *out, const struct finding *f);

/* --tz ZONE, NULL: UTC. 0, or -1 with a message on stderr. */
int show_zone(const char *name);

/* --unwrap gre,ipip as UNWRAP_* bits; unknown words are ignored with a warning on stderr. */
unsigned show_unwrap(const struct cli_list *words);

/* A number for an import: the same files (by their first bytes and sizes) and sensor give the same one, never 0. */
uint64_t show_sender(char **paths, int n, const char *sensor);
