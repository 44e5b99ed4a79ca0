// SPDX-License-Identifier: Apache-2.0
/* What one key asks of another. */
#include "role/config_impl.h"

void config_check(struct config *c, struct yaml_faults *faults)
{
}
