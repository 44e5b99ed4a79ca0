// SPDX-License-Identifier: Apache-2.0
/*
 * Country, place, AS and its name of an address, from MMDB files (MaxMind DB format 2.0, read by libmaxminddb). Any
 * number of files complement each other: for each fact the first file that knows it is believed. Layouts known: MaxMind
 * GeoLite2/GeoIP2 Country, City, ASN, ISP; DB-IP; the flat ones of ip-location-db (country_code,
 * autonomous_system_number ...); IPinfo (country, asn "AS64496", as_name).
 *
 * The files are mapped when they are added, so that look-ups work inside a sandbox that opens nothing. They must not be
 * cut short while they are mapped; tools/fetch-geo replaces them by rename. To use newer ones make another `struct geo`
 * and swap the pointer between packets.
 *
 * Ask once a source, not once a packet: a look-up walks the tree of every file (a few microseconds).
 */
#pragma once
#include "model/addr.h"
#include "model/location.h"

#define GEO_MAX_FILES 16

struct geo; /* opaque */

struct geo_counts {
	uint64_t asked, without_country, without_as;
	uint64_t damaged; /* look-ups that met a damaged record; the other files still answer */
};

struct geo_file {
	const char *path, *type; /* type: as the file names itself, "DBIP-City-Lite" */
	int64_t built_s;	 /* seconds since 1970, as the file says; 0: it doesn't */
};

struct geo *geo_new(void);
void geo_free(struct geo *g);

/* Maps a file. Returns 0, or -1 with "PATH: reason": it is missing, is no MMDB file or damaged; GEO_MAX_FILES are open.
 */
int geo_add_file(struct geo *g, const char *path, struct err *err) NODISCARD;

/* Adds all *.mmdb of a folder, by name. A folder that doesn't exist or has none adds nothing. */
int geo_add_folder(struct geo *g, const char *path, struct err *err) NODISCARD;

size_t geo_files(const struct geo *g);
struct geo_file geo_file(const struct geo *g, size_t i);

/* Works without any file: then nothing is known. Texts are cut between characters and have no control characters. */
void geo_find(struct geo *g, const struct addr *a, struct location *out);

struct geo_counts geo_counts(const struct geo *g);
