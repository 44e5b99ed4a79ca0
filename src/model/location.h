// SPDX-License-Identifier: Apache-2.0
/* Where an address is and whose AS announces it, as far as somebody knows. Zeroed: nothing is known. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Texts are UTF-8, empty when unknown. */
struct location {
	char country[3]; /* ISO 3166-1 alpha-2, in capitals */
	char city[64];
	char as_name[96];
	bool has_position, has_asn;
	double latitude, longitude; /* degrees */
	uint32_t asn;
};
