// SPDX-License-Identifier: Apache-2.0
/* The roles' numbers as text: OpenMetrics 1.0, all of one family together, units in seconds and octets. */
#pragma once
#include "role/status.h"
#include <stdio.h>

#define METRICSTEXT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

void metricstext_write(FILE *out, const struct status *s);
