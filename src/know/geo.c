// SPDX-License-Identifier: Apache-2.0
#include "know/geo.h"

#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define METADATA_MAX                                                                                                   \
	((size_t)128 << 10) /* where the metadata lie, from the end; the library looks no further either               \
			     */

struct file {
	MMDB_s db;
	char *path;
};

struct geo {
	struct file *files[GEO_MAX_FILES];
	size_t n;
	struct geo_counts counts;
};

enum fact { COUNTRY, CITY, LATITUDE, LONGITUDE, ASN, AS_NAME };

/* Where each fact may stand, the better place first. A path leads through maps. */
static const struct {
	enum fact fact;
	const char *path[4];
} places[] = {
	{ COUNTRY, { "country", "iso_code" } },
	{ COUNTRY, { "country_code" } },
	{ COUNTRY, { "country" } },
	{ COUNTRY, { "registered_country", "iso_code" } },
	{ CITY, { "city", "names", "en" } },
	{ CITY, { "city" } },
	{ LATITUDE, { "location", "latitude" } },
	{ LATITUDE, { "latitude" } },
	{ LATITUDE, { "lat" } },
	{ LONGITUDE, { "location", "longitude" } },
	{ LONGITUDE, { "longitude" } },
	{ LONGITUDE, { "lng" } },
	{ ASN, { "autonomous_system_number" } },
	{ ASN, { "traits", "autonomous_system_number" } },
	{ ASN, { "asn" } },
	{ AS_NAME, { "autonomous_system_organization" } },
	{ AS_NAME, { "traits", "autonomous_system_organization" } },
	{ AS_NAME, { "as_name" } },
	{ AS_NAME, { "as_organization" } },
};

struct geo *geo_new(void)
{
	return mem_new(sizeof(struct geo));
}

void geo_free(struct geo *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++) {
		MMDB_close(&g->files[i]->db);
		free(g->files[i]->path);
		free(g->files[i]);
	}
	free(g);
}

/* The library's errors say little: pipes, folders and what can't be read are told by name. Returns the descriptor. */
static int open_file(const char *path, uint64_t *size, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(err, -1, "%.300s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, -1, "%.300s: not a file", path);
	} else {
		*size = (uint64_t)st.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * Every number that stands behind this key in the metadata, the largest of them; UINT64_MAX when there is none or one
 * of another type. Keys and small numbers are written in full by all known writers.
 */
static uint64_t largest(struct bytes meta, const char *key, unsigned type)
{
	uint64_t most = 0;
	bool found = false;
	size_t n = strlen(key);
	const uint8_t *at = meta.p, *end = meta.p + meta.n;
	while ((at = memmem(at, (size_t)(end - at), key, n))) {
		at += n;
		struct bytes value = { at, (size_t)(end - at) };
		const uint8_t *control = bytes_need(value, 0, 1);
		size_t width = control ? *control & 31u : 0;
		const uint8_t *digits = bytes_need(value, 1, width);
		uint64_t v = 0;
		if (!digits || *control >> 5 != type || width > 4)
			return UINT64_MAX;
		while (width--)
			v = v << 8 | *digits++;
		most = v > most ? v : most;
		found = true;
	}
	return found ? most : UINT64_MAX;
}

/*
 * Does the search tree that the metadata claims lie within the file? libmaxminddb before 1.9 multiplies in 32 bits: a
 * node count made large by damage passes its check, and opening the file then reads far behind its end. So this is
 * asked first.
 */
static bool tree_fits(int fd, uint64_t size)
{
	static const uint8_t marker[] = "\xab\xcd\xefMaxMind.com";
	size_t want = size < METADATA_MAX ? (size_t)size : METADATA_MAX, last = SIZE_MAX;
	uint8_t *tail = mem_new(want);
	ssize_t got = pread(fd, tail, want, (off_t)(size - want));
	size_t n = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i + sizeof marker - 1 <= n; i++)
		if (memcmp(tail + i, marker, sizeof marker - 1) == 0)
			last = i;
	bool fits = false;
	if (last != SIZE_MAX) {
		struct bytes meta = bytes_from((struct bytes){ tail, n }, last);
		uint64_t nodes = largest(meta, "node_count", MMDB_DATA_TYPE_UINT32);
		uint64_t bits = largest(meta, "record_size", MMDB_DATA_TYPE_UINT16);
		fits = nodes <= UINT32_MAX && bits <= 32 && nodes * (bits / 4) + 16 <= size;
	}
	free(tail);
	return fits;
}

int geo_add_file(struct geo *g, const char *path, struct err *err)
{
	if (g->n == GEO_MAX_FILES)
		return err_set(err, -1, "%.300s: more than %d geography files", path, GEO_MAX_FILES);
	uint64_t size;
	int fd = open_file(path, &size, err);
	if (fd < 0)
		return -1;
	bool fits = tree_fits(fd, size);
	close(fd);
	struct file *f = mem_new(sizeof *f);
	int code = fits ? MMDB_open(path, MMDB_MODE_MMAP, &f->db) : MMDB_INVALID_METADATA_ERROR;
	if (code != MMDB_SUCCESS) {
		free(f);
		return err_set(err, -1, "%.300s: no MMDB file, or a damaged one: %s", path, MMDB_strerror(code));
	}
	f->path = mem_new(strlen(path) + 1);
	memcpy(f->path, path, strlen(path));
	g->files[g->n++] = f;
	return 0;
}

static int is_mmdb(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".mmdb") == 0;
}

int geo_add_folder(struct geo *g, const char *path, struct err *err)
{
	struct dirent **names;
	int n = scandir(path, &names, is_mmdb, alphasort), code = 0;
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(err, -1, "%.300s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char file[4096];
		snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (code == 0)
			code = geo_add_file(g, file, err);
		free(names[i]);
	}
	free(names);
	return code;
}

size_t geo_files(const struct geo *g)
{
	return g->n;
}

struct geo_file geo_file(const struct geo *g, size_t i)
{
	ENSURE(i < g->n);
	const MMDB_metadata_s *m = &g->files[i]->db.metadata;
	return (struct geo_file){ g->files[i]->path, m->database_type ? m->database_type : "",
		m->build_epoch <= INT64_MAX ? (int64_t)m->build_epoch : 0 };
}

/* The record's text cut at a character, made one line. */
static void copy(char *out, size_t size, const MMDB_entry_data_s *d)
{
	size_t n = 0, step;
	if (d->type != MMDB_DATA_TYPE_UTF8_STRING)
		return;
	for (size_t i = 0; i < d->data_size; i += step) {
		const char *c = d->utf8_string + i;
		step = text_utf8_length(c, d->data_size - i);
		if (n + (step ? step : 1) >= size)
			break;
		if (step == 0 || (step == 1 && ((uint8_t)*c < 0x20 || *c == 0x7f))) {
			out[n++] = step ? ' ' : '?';
		} else {
			memcpy(out + n, c, step);
			n += step;
		}
		step = step ? step : 1;
	}
	out[n] = 0;
}

static void country(struct location *out, const MMDB_entry_data_s *d)
{
	char text[3] = "";
	if (d->type != MMDB_DATA_TYPE_UTF8_STRING || d->data_size != 2)
		return; /* a name, or a private code */
	for (int i = 0; i < 2; i++) {
		char c = (char)(d->utf8_string[i] & ~0x20);
		if (c < 'A' || c > 'Z')
			return;
		text[i] = c;
	}
	/* Data sets that don't know say ZZ. */
	if (strcmp(text, "ZZ") != 0)
		memcpy(out->country, text, 3);
}

static bool number(const MMDB_entry_data_s *d, double *out)
{
	char text[32] = "", *end;
	switch (d->type) {
	case MMDB_DATA_TYPE_DOUBLE:
		*out = d->double_value;
		return true;
	case MMDB_DATA_TYPE_FLOAT:
		*out = (double)d->float_value;
		return true;
	case MMDB_DATA_TYPE_UINT16:
		*out = d->uint16;
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*out = d->uint32;
		return true;
	case MMDB_DATA_TYPE_UINT64:
		*out = (double)d->uint64;
		return true;
	case MMDB_DATA_TYPE_UTF8_STRING:
		copy(text, sizeof text, d);
		end = text + (strncmp(text, "AS", 2) == 0 ? 2 : 0);
		if (*end != '-' && (*end < '0' || *end > '9'))
			return false;
		*out = strtod(end, &end);
		return *end == 0;
	default:
		return false;
	}
}

static void position(struct location *out, const MMDB_entry_data_s *d, bool is_latitude)
{
	double v, most = is_latitude ? 90 : 180;
	bool good = number(d, &v) && v >= -most && v <= most;
	if (is_latitude) {
		out->latitude = good ? v : 0;
		out->has_position = good; /* until the longitude says otherwise */
	} else {
		out->longitude = good ? v : 0;
		out->has_position &= good;
	}
}

static void asn(struct location *out, const MMDB_entry_data_s *d)
{
	double v;
	if (!number(d, &v) || v < 1 || v > UINT32_MAX)
		return; /* 0: not routed */
	out->asn = (uint32_t)v;
	out->has_asn = true;
}

static void take(struct location *out, enum fact fact, const MMDB_entry_data_s *d)
{
	switch (fact) {
	case COUNTRY:
		country(out, d);
		break;
	case CITY:
		copy(out->city, sizeof out->city, d);
		break;
	case LATITUDE:
	case LONGITUDE:
		position(out, d, fact == LATITUDE);
		break;
	case ASN:
		asn(out, d);
		break;
	case AS_NAME:
		copy(out->as_name, sizeof out->as_name, d);
		break;
	}
}

static bool knows(const struct location *a, enum fact fact)
{
	switch (fact) {
	case COUNTRY:
		return a->country[0];
	case CITY:
		return a->city[0];
	case ASN:
		return a->has_asn;
	case AS_NAME:
		return a->as_name[0];
	default:
		return false;
	}
}

/* What one file says. Latitude and longitude are looked for together, so that they come from one place. */
static int read_record(MMDB_entry_s *entry, struct location *out)
{
	int damaged = 0;
	bool latitude = false, longitude = false;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		MMDB_entry_data_s d;
		enum fact fact = places[i].fact;
		if (knows(out, fact) || (fact == LATITUDE && latitude) || (fact == LONGITUDE && longitude))
			continue;
		int code = MMDB_aget_value(entry, &d, places[i].path);
		if (code == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR || (code == MMDB_SUCCESS && !d.has_data))
			continue;
		if (code != MMDB_SUCCESS) {
			damaged = 1;
			continue;
		}
		take(out, fact, &d);
		latitude |= fact == LATITUDE;
		longitude |= fact == LONGITUDE;
	}
	out->has_position &= latitude && longitude;
	return damaged;
}

static void merge(struct location *out, const struct location *one)
{
	if (!out->country[0])
		memcpy(out->country, one->country, sizeof out->country);
	/* A city belongs to its position. */
	if (!out->city[0] && !out->has_position) {
		memcpy(out->city, one->city, sizeof out->city);
		out->has_position = one->has_position;
		out->latitude = one->latitude;
		out->longitude = one->longitude;
	}
	/* And a name to its number. */
	if (!out->has_asn && one->has_asn) {
		out->has_asn = true;
		out->asn = one->asn;
		memcpy(out->as_name, one->as_name, sizeof out->as_name);
	} else if (!out->as_name[0] && out->asn == one->asn) {
		memcpy(out->as_name, one->as_name, sizeof out->as_name);
	}
}

static MMDB_lookup_result_s look_up(const MMDB_s *db, const struct addr *a, int *code)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	if (addr_is4(a)) {
		memcpy(&in4.sin_addr, a->b + 12, 4);
		return MMDB_lookup_sockaddr(db, (struct sockaddr *)&in4, code);
	}
	memcpy(&in6.sin6_addr, a->b, 16);
	return MMDB_lookup_sockaddr(db, (struct sockaddr *)&in6, code);
}

void geo_find(struct geo *g, const struct addr *a, struct location *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < g->n; i++) {
		struct location one = { 0 };
		const MMDB_s *db = &g->files[i]->db;
		int code = MMDB_SUCCESS;
		if (db->metadata.ip_version == 4 && !addr_is4(a))
			continue;
		MMDB_lookup_result_s hit = look_up(db, a, &code);
		int damaged = code != MMDB_SUCCESS;
		if (!damaged && hit.found_entry)
			damaged = read_record(&hit.entry, &one);
		g->counts.damaged += (uint64_t)damaged;
		merge(out, &one);
	}
	g->counts.asked++;
	g->counts.without_country += !out->country[0];
	g->counts.without_as += !out->has_asn;
}

struct geo_counts geo_counts(const struct geo *g)
{
	return g->counts;
}
