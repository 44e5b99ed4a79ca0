// SPDX-License-Identifier: Apache-2.0
#include "view/reportzone.h"

#include "base/mem.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND	 INT64_C(1000000000)
#define DAY_S	 INT64_C(86400)
#define FILE_MAX (256u << 10)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from civil and back, by eras of 400 years that begin in March. */
int64_t reportzone_day_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? (int64_t)year - 1 : year, era = floor_div(y, 400), of = y - era * 400;
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of * 365 + of / 4 - of / 100 + in_year - 719468;
}

void reportzone_date(int64_t day, int *year, int *month, int *mday)
{
	int64_t z = day + 719468, era = floor_div(z, 146097), of = z - era * 146097;
	int64_t y = (of - of / 1460 + of / 36524 - of / 146096) / 365, in = of - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * in + 2) / 153;
	*mday = (int)(in - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

/* ---- the rule behind the last change (POSIX TZ) ---- */

static const char *skip_name(const char *p)
{
	if (*p == '<') {
		p = strchr(p, '>');
		return p ? p + 1 : NULL;
	}
	const char *start = p;
	while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'))
		p++;
	return p - start >= 3 ? p : NULL;
}

/* "[+-]H[:M[:S]]" in seconds. */
static const char *read_hours(const char *p, int32_t *out)
{
	int sign = 1, parts[3] = { 0 };
	if (*p == '-' || *p == '+')
		sign = *p++ == '-' ? -1 : 1;
	for (int i = 0; i < 3; i++) {
		char *end;
		if (*p < '0' || *p > '9')
			return NULL;
		long v = strtol(p, &end, 10);
		if (v > 167)
			return NULL;
		parts[i] = (int)v;
		p = end;
		if (*p != ':')
			break;
		p++;
	}
	*out = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
	return p;
}

static bool within(int v, int least, int most)
{
	return v >= least && v <= most;
}

static const char *read_rule(const char *p, struct reportzone_rule *r)
{
	int used = 0;
	bool good;
	*r = (struct reportzone_rule){ .form = 'n', .at_s = 7200 };
	if (*p == 'M') {
		r->form = 'M';
		good = sscanf(p, "M%2d.%1d.%1d%n", &r->month, &r->week, &r->weekday, &used) == 3 &&
		       within(r->month, 1, 12) && within(r->week, 1, 5) && within(r->weekday, 0, 6);
	} else if (*p == 'J') {
		r->form = 'J';
		good = sscanf(p, "J%3d%n", &r->day, &used) == 1 && within(r->day, 1, 365);
	} else {
		good = sscanf(p, "%3d%n", &r->day, &used) == 1 && within(r->day, 0, 365);
	}
	if (!good)
		return NULL;
	p += used;
	return *p == '/' ? read_hours(p + 1, &r->at_s) : p;
}

/* Days are looked for within this much of midnight. */
static bool sane(int32_t offset)
{
	return offset >= -25 * 3600 && offset <= 26 * 3600;
}

static int read_footer(struct reportzone *z, const char *p)
{
	p = skip_name(p);
	p = p ? read_hours(p, &z->standard_s) : NULL;
	if (!p)
		return -1;
	z->standard_s = -z->standard_s;
	z->has_footer = true;
	if (!sane(z->standard_s))
		return -1;
	if (!*p)
		return 0;
	z->summer_s = z->standard_s + 3600;
	p = skip_name(p);
	if (p && *p && *p != ',') {
		p = read_hours(p, &z->summer_s);
		z->summer_s = -z->summer_s;
	}
	p = p && *p == ',' ? read_rule(p + 1, &z->begin) : NULL;
	p = p && *p == ',' ? read_rule(p + 1, &z->end) : NULL;
	z->summer = p && !*p && sane(z->summer_s);
	return z->summer ? 0 : -1;
}

static bool leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Seconds since 1970 when the rule strikes in that year, by a clock that shows `offset`. */
static int64_t strikes(const struct reportzone_rule *r, int year, int32_t offset)
{
	int64_t day = reportzone_day_of(year, 1, 1);
	if (r->form == 'J') {
		day += r->day - 1 + (leap(year) && r->day >= 60);
	} else if (r->form == 'n') {
		day += r->day;
	} else {
		int64_t first = reportzone_day_of(year, r->month, 1);
		int64_t next =
			r->month == 12 ? reportzone_day_of(year + 1, 1, 1) : reportzone_day_of(year, r->month + 1, 1);
		int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
		day = first + (r->weekday - weekday + 7) % 7 + (int64_t)(r->week - 1) * 7;
		while (day >= next)
			day -= 7;
	}
	return day * DAY_S + r->at_s - offset;
}

static int32_t by_footer(const struct reportzone *z, int64_t s)
{
	int year, month, day;
	if (!z->summer)
		return z->standard_s;
	reportzone_date(floor_div(s + z->standard_s, DAY_S), &year, &month, &day);
	int64_t begin = strikes(&z->begin, year, z->standard_s), end = strikes(&z->end, year, z->summer_s);
	bool in = begin < end ? s >= begin && s < end : s >= begin || s < end;
	return in ? z->summer_s : z->standard_s;
}

/* ---- the file (RFC 8536) ---- */

struct header {
	uint32_t isut, isstd, leaps, times, types, chars;
};

static int read_header(struct bytes *in, struct header *h, char *version)
{
	if (in->n < 44 || memcmp(in->p, "TZif", 4) != 0)
		return -1;
	*version = (char)in->p[4];
	uint32_t *v[] = { &h->isut, &h->isstd, &h->leaps, &h->times, &h->types, &h->chars };
	for (int i = 0; i < 6; i++) {
		*v[i] = load_be32(in->p + 20 + 4 * i);
		if (*v[i] > 16 * REPORTZONE_MAX)
			return -1;
	}
	*in = (struct bytes){ in->p + 44, in->n - 44 };
	return 0;
}

static size_t block_size(const struct header *h, size_t time)
{
	return h->times * (time + 1) + h->types * 6 + h->chars + h->leaps * (time + 4) + h->isstd + h->isut;
}

static int read_block(struct reportzone *z, struct bytes in, const struct header *h)
{
	const uint8_t *index = in.p + 8 * (size_t)h->times, *types = index + h->times;
	if (h->times > REPORTZONE_MAX || h->types == 0)
		return -1;
	z->n = h->times;
	z->at_s = mem_new((z->n + 1) * sizeof *z->at_s);
	z->offset_s = mem_new((z->n + 1) * sizeof *z->offset_s);
	z->offset_s[0] = (int32_t)load_be32(types);
	for (size_t i = 0; i < z->n; i++) {
		z->at_s[i] = (int64_t)load_be64(in.p + 8 * i);
		if (index[i] >= h->types || (i && z->at_s[i] <= z->at_s[i - 1]))
			return -1;
		z->offset_s[i + 1] = (int32_t)load_be32(types + 6 * (size_t)index[i]);
	}
	for (size_t i = 0; i <= z->n; i++)
		if (!sane(z->offset_s[i]))
			return -1;
	return 0;
}

static int read_file(struct reportzone *z, struct bytes in)
{
	struct header h;
	char version, footer[128];
	if (read_header(&in, &h, &version) || version < '2' || block_size(&h, 4) > in.n)
		return -1;
	in = (struct bytes){ in.p + block_size(&h, 4), in.n - block_size(&h, 4) };
	if (read_header(&in, &h, &version) || block_size(&h, 8) > in.n || read_block(z, in, &h))
		return -1;
	in = (struct bytes){ in.p + block_size(&h, 8), in.n - block_size(&h, 8) };
	if (in.n < 2 || in.p[0] != '\n' || in.n - 2 >= sizeof footer || in.p[in.n - 1] != '\n')
		return -1;
	memcpy(footer, in.p + 1, in.n - 2);
	footer[in.n - 2] = '\0';
	return footer[0] ? read_footer(z, footer) : 0;
}

int reportzone_read(struct reportzone *z, const char *name, struct bytes file, struct err *err)
{
	*z = (struct reportzone){ 0 };
	snprintf(z->name, sizeof z->name, "%s", name);
	if (read_file(z, file))
		return err_set(err, -1, "tz: the file of time zone '%.60s' is damaged", name);
	return 0;
}

/* ---- zones of the system ---- */

#define KEPT_MAX 2048

static struct {
	struct kept {
		char name[64];
		const uint8_t *p;
		size_t n;
	} * v;
	size_t n;
} kept;

/* Octets of the file, 0: it is no zone. `room` has FILE_MAX octets. */
static size_t read_zone(const char *path, uint8_t *room)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(room, 1, FILE_MAX, f) : 0;
	if (f)
		fclose(f);
	return n >= 4 && memcmp(room, "TZif", 4) == 0 ? n : 0;
}

/* Many names are the same zone: its octets are kept once. */
static const uint8_t *keep_octets(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < kept.n; i++)
		if (kept.v[i].n == n && memcmp(kept.v[i].p, p, n) == 0)
			return kept.v[i].p;
	uint8_t *own = mem_new(n);
	memcpy(own, p, n);
	return own;
}

static int keep_zone(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + sizeof REPORTZONE_FOLDER;
	if (at->level == 0)
		return FTW_CONTINUE;
	/* Other sets of the same names: without and with leap seconds. */
	if (type == FTW_D && (strcmp(name, "posix") == 0 || strcmp(name, "right") == 0))
		return FTW_SKIP_SUBTREE;
	if (type != FTW_F || kept.n == KEPT_MAX || strlen(name) >= sizeof kept.v->name)
		return FTW_CONTINUE;
	uint8_t *room = mem_new(FILE_MAX);
	size_t n = read_zone(path, room);
	if (n) {
		kept.v = mem_grow(kept.v, (kept.n + 1) * sizeof *kept.v);
		struct kept *k = &kept.v[kept.n];
		snprintf(k->name, sizeof k->name, "%s", name);
		k->p = keep_octets(room, n);
		k->n = n;
		kept.n++;
	}
	free(room);
	return FTW_CONTINUE;
}

size_t reportzone_keep_all(void)
{
	if (!kept.n)
		nftw(REPORTZONE_FOLDER, keep_zone, 8, FTW_ACTIONRETVAL);
	return kept.n;
}

static const struct kept *find_kept(const char *name)
{
	for (size_t i = 0; i < kept.n; i++)
		if (strcmp(kept.v[i].name, name) == 0)
			return &kept.v[i];
	return NULL;
}

static int fixed(struct reportzone *z, const char *name, int32_t offset)
{
	*z = (struct reportzone){ .has_footer = true, .standard_s = offset };
	snprintf(z->name, sizeof z->name, "%s", name);
	return 0;
}

int reportzone_open(struct reportzone *z, const char *name, struct err *err)
{
	char path[128];
	static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	*z = (struct reportzone){ 0 };
	if (strcmp(name, "UTC") == 0)
		return fixed(z, name, 0);
	if (strcmp(name, "Asia/Tokyo") == 0)
		return fixed(z, name, 9 * 3600);
	const struct kept *k = find_kept(name);
	if (k)
		return reportzone_read(z, name, (struct bytes){ k->p, k->n }, err);
	bool good = name[0] && name[0] != '/' && strlen(name) < sizeof z->name && !name[strspn(name, harmless)];
	snprintf(path, sizeof path, REPORTZONE_FOLDER "/%.63s", name);
	uint8_t *room = mem_new(FILE_MAX);
	size_t n = good ? read_zone(path, room) : 0;
	int rc = n ? reportzone_read(z, name, (struct bytes){ room, n }, err)
		   : err_set(err, -1, "tz: '%.60s' is no time zone of this system (a name like Asia/Tokyo)", name);
	free(room);
	return rc;
}

void reportzone_close(struct reportzone *z)
{
	free(z->at_s);
	free(z->offset_s);
	*z = (struct reportzone){ 0 };
}

int32_t reportzone_offset(const struct reportzone *z, int64_t s)
{
	if (z->has_footer && (z->n == 0 || s >= z->at_s[z->n - 1]))
		return by_footer(z, s);
	size_t low = 0, high = z->n; /* the first change behind s */
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (z->at_s[mid] <= s)
			low = mid + 1;
		else
			high = mid;
	}
	return z->offset_s ? z->offset_s[low] : 0;
}

int64_t reportzone_day(const struct reportzone *z, int64_t ns)
{
	int64_t s = floor_div(ns, SECOND);
	return floor_div(s + reportzone_offset(z, s), DAY_S);
}

int64_t reportzone_begin_ns(const struct reportzone *z, int64_t day)
{
	int64_t low = day * DAY_S - 26 * 3600 - 1, high = day * DAY_S + 26 * 3600;
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;
		if (reportzone_day(z, mid * SECOND) >= day)
			high = mid;
		else
			low = mid;
	}
	return high * SECOND;
}
