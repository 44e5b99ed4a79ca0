// SPDX-License-Identifier: Apache-2.0
/* What the files of config.h share. */
#pragma once
#include "role/config.h"

extern const struct yaml_table config_table;

/* What one key asks of another, after the file was read. Adds to `faults`. */
void config_check(struct config *c, struct yaml_faults *faults);
