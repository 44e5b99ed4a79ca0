// SPDX-License-Identifier: Apache-2.0
/* The findings of a period, summed for a report: victims, attacks by reflectors, tools, ports, own addresses. */
#pragma once
#include "view/reportdata.h"

/* Fills the parts of `r` that come from findings. 0 or a negative code of the store. */
int reportfindings_gather(struct report *r, const struct report_params *p) NODISCARD;
