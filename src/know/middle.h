// SPDX-License-Identifier: Apache-2.0
/*
 * The middle of a country, to whole degrees: where a map draws an address of which nothing better is known. For eyes
 * alone; it is no position of a device.
 */
#pragma once
#include <stdbool.h>

/* By ISO 3166-1 alpha-2 in capitals (and XK). False: no such country. Degrees. */
bool middle_of(const char *country, double *latitude, double *longitude);
