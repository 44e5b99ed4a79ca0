// SPDX-License-Identifier: Apache-2.0
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

bool zone_known(const char *name)
{
	char path[256];
	struct stat st;
	if (strcmp(name, "UTC") == 0)
		return true;
	return name[0] && name[0] != '/' && !strstr(name, "..") &&
	       snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name) < (int)sizeof path && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

int zone_set(const char *name, struct err *err)
{
	if (!zone_known(name))
		return err_set(err, -1, "'%.64s' is no time zone of this system (a name like Asia/Tokyo)", name);
	if (setenv("TZ", name, 1) != 0)
		return err_set(err, -1, "the time zone can't be set");
	tzset();
	return 0;
}

static struct tm local(int64_t ns)
{
	time_t s = (time_t)(ns / SECOND - (ns % SECOND < 0));
	struct tm tm = { 0 };
	if (getenv("TZ"))
		localtime_r(&s, &tm);
	else
		gmtime_r(&s, &tm);
	return tm;
}

int64_t zone_offset_s(int64_t ns)
{
	return local(ns).tm_gmtoff;
}

const char *zone_text(char out[TEXT_TIME_MAX], int64_t ns)
{
	struct tm tm = local(ns);
	size_t n = strftime(out, TEXT_TIME_MAX, "%Y-%m-%d %H:%M:%S ", &tm);
	snprintf(out + n, TEXT_TIME_MAX - n, "%s", getenv("TZ") && tm.tm_zone ? tm.tm_zone : "UTC");
	return out;
}

/* Nanoseconds of 64 bits end in the year 2262. */
static int to_ns(int64_t s, int64_t *ns)
{
	int64_t v;
	if (__builtin_mul_overflow(s, SECOND, &v))
		return -1;
	*ns = v;
	return 0;
}

/* ".123" behind the seconds: 1 to 9 digits, or nothing at all. Returns what follows, NULL when it is none. */
static const char *fraction(const char *text, int64_t *ns)
{
	size_t n = *text == '.' ? strspn(text + 1, "0123456789") : 0;
	*ns = 0;
	if (*text != '.')
		return text;
	if (n < 1 || n > 9)
		return NULL;
	for (size_t i = 0; i < 9; i++)
		*ns = *ns * 10 + (i < n ? text[1 + i] - '0' : 0);
	return text + 1 + n;
}

static int full(const char *text, int64_t *ns)
{
	int64_t part = 0;
	struct tm tm = { 0 };
	unsigned hours = 0, minutes = 0;
	char sign = '+', more;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	rest = rest ? fraction(rest, &part) : NULL;
	if (!rest)
		return -1;
	if (strcmp(rest, "Z") != 0 && (sscanf(rest, "%c%2u:%2u%c", &sign, &hours, &minutes, &more) != 3 ||
					      (sign != '+' && sign != '-') || hours > 23 || minutes > 59))
		return -1;
	int64_t offset = (int64_t)hours * 3600 + (int64_t)minutes * 60;
	if (to_ns((int64_t)timegm(&tm) - (sign == '-' ? -offset : offset), ns) < 0)
		return -1;
	return __builtin_add_overflow(*ns, part, ns) ? -1 : 0;
}

int zone_parse(const char *text, int64_t *ns)
{
	int64_t s, at;
	char *end;
	if (text_date(text, &s) == 0)
		return to_ns(s, &at) < 0 ? -1 : to_ns(s - zone_offset_s(at), ns);
	if (strspn(text, "0123456789") == strlen(text) && *text && strlen(text) <= 10)
		return to_ns(strtoll(text, &end, 10), ns);
	return full(text, ns);
}
