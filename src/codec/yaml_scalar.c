// SPDX-License-Identifier: Apache-2.0
/* The scalar types: each a parser, a printer and its words for people. */
#include "codec/yaml_impl.h"

#include "base/cli.h"
#include "base/text.h"
#include "base/zone.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *word;
	uint64_t is;
};

#define N_OF(a) (sizeof(a) / sizeof *(a))

/* Falling: what divides a value without rest first is its shortest form. */
static const struct unit sizes[] = {
	{ "TiB", 1ull << 40 },
	{ "TB", 1000000000000 },
	{ "GiB", 1ull << 30 },
	{ "GB", 1000000000 },
	{ "MiB", 1ull << 20 },
	{ "MB", 1000000 },
	{ "KiB", 1ull << 10 },
	{ "kB", 1000 },
	{ "KB", 1000 },
	{ "B", 1 },
};

static const struct unit durations[] = {
	{ "w", 604800000000000 },
	{ "d", 86400000000000 },
	{ "h", 3600000000000 },
	{ "m", 60000000000 },
	{ "s", 1000000000 },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
};

static const struct unit periods[] = {
	{ "day", 86400000000000 },
	{ "hour", 3600000000000 },
	{ "minute", 60000000000 },
	{ "second", 1000000000 },
};

static const char *unit_print(char *out, size_t size, uint64_t v, const struct unit *units, size_t n)
{
	size_t i = 0;
	while (i + 1 < n && (v == 0 || v % units[i].is))
		i++;
	snprintf(out, size, "%" PRIu64 "%s", v / units[i].is, v ? units[i].word : "");
	return out;
}

static const struct unit *unit_find(const char *word, size_t length, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].word) == length && memcmp(units[i].word, word, length) == 0)
			return &units[i];
	return NULL;
}

/* Digits at the front of *text; moves behind them. */
static int digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	*out = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
			__builtin_add_overflow(*out, (uint64_t)(*p - '0'), out))
			return -1;
	int code = p == *text ? -1 : 0;
	*text = p;
	return code;
}

static int in_range(const struct yaml_row *row, uint64_t v, const struct unit *units, size_t n, struct err *why)
{
	static const struct unit one = { "", 1 };
	char low[32], high[32];
	/* A list's limits are about its items' number. */
	if (row->type == YAML_LIST || (v >= row->min && (row->max == 0 || v <= row->max)))
		return 0;
	units = units ? units : &one;
	unit_print(low, sizeof low, row->min, units, n);
	unit_print(high, sizeof high, row->max, units, n);
	return row->max ? err_set(why, -1, "%s to %s", low, high) : err_set(why, -1, "at least %s", low);
}

static int number_parse(
	const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	uint64_t v;
	if (cli_number(text, &v) < 0)
		return -1;
	*(uint64_t *)out = v;
	return in_range(row, v, NULL, 1, why);
}

static void number_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	snprintf(out, size, "%" PRIu64, *(const uint64_t *)value);
}

static int size_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	uint64_t v;
	if (digits(&text, &v) < 0)
		return -1;
	text += *text == ' ';
	const struct unit *u = unit_find(text, strlen(text), sizes, N_OF(sizes));
	if ((!u && (v || *text)) || (u && __builtin_mul_overflow(v, u->is, &v)))
		return -1;
	*(uint64_t *)out = v;
	return in_range(row, v, sizes, N_OF(sizes), why);
}

static void size_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	unit_print(out, size, *(const uint64_t *)value, sizes, N_OF(sizes));
}

static int duration_parse(
	const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	uint64_t sum = 0, v;
	if (strcmp(text, "0") != 0)
		do {
			if (digits(&text, &v) < 0)
				return -1;
			size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz");
			const struct unit *u = unit_find(text, n, durations, N_OF(durations));
			if (!u || __builtin_mul_overflow(v, u->is, &v) || __builtin_add_overflow(sum, v, &sum) ||
				sum > INT64_MAX)
				return -1;
			text += n;
		} while (*text);
	*(int64_t *)out = (int64_t)sum;
	return in_range(row, sum, durations, N_OF(durations), why);
}

static void duration_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	/* Weeks are read but days are what people compare. */
	unit_print(out, size, (uint64_t) * (const int64_t *)value, durations + 1, N_OF(durations) - 1);
}

static int percent_parse(
	const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	uint64_t v;
	if (digits(&text, &v) < 0 || (*text && strcmp(text, "%") != 0) || v > 100)
		return -1;
	*(uint64_t *)out = v;
	return in_range(row, v, NULL, 1, why);
}

static void percent_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	snprintf(out, size, "%" PRIu64 "%%", *(const uint64_t *)value);
}

static int rate_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	struct yaml_rate r;
	if (digits(&text, &r.count) < 0 || strncmp(text, " per ", 5) != 0)
		return -1;
	const struct unit *u = unit_find(text + 5, strlen(text + 5), periods, N_OF(periods));
	if (!u)
		return -1;
	r.per_ns = (int64_t)u->is;
	*(struct yaml_rate *)out = r;
	return in_range(row, r.count, NULL, 1, why);
}

static void rate_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	const struct yaml_rate *r = value;
	out[0] = 0;
	for (size_t i = 0; i < N_OF(periods); i++)
		if ((int64_t)periods[i].is == r->per_ns)
			snprintf(out, size, "%" PRIu64 " per %s", r->count, periods[i].word);
}

static int bool_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };
	char nearest[96];
	for (size_t i = 0; i < N_OF(words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*(bool *)out = i % 2;
			return 0;
		}
	return err_set(why, -1, "true or false%s", yaml_nearest(nearest, text, "true|false"));
}

static void bool_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	snprintf(out, size, "%s", *(const bool *)value ? "true" : "false");
}

static int choice_parse(
	const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	char nearest[96], list[400];
	const char *w;
	size_t n, o = 0;
	list[0] = 0;
	for (size_t i = 0; (w = yaml_word(row->words, i, &n)); i++) {
		if (strlen(text) == n && memcmp(w, text, n) == 0) {
			*(int *)out = (int)i;
			return 0;
		}
		if (o < sizeof list)
			o += (size_t)snprintf(list + o, sizeof list - o, "%s%.*s", i ? ", " : "", (int)n, w);
	}
	return err_set(why, -1, "one of %s%s", list, yaml_nearest(nearest, text, row->words));
}

static void choice_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	size_t n;
	const char *w = yaml_word(row->words, (size_t) * (const int *)value, &n);
	snprintf(out, size, "%.*s", w ? (int)n : 0, w ? w : "");
}

static int text_take(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	size_t n = strlen(text);
	*(const char **)out = yaml_pool_text(pool, text, n);
	if (row->type == YAML_LIST)
		return 0;
	if (n < row->min)
		return err_set(why, -1, "a text of at least %" PRIu64 " octets", row->min);
	if (row->max && n > row->max)
		return err_set(why, -1, "a text of at most %" PRIu64 " octets", row->max);
	return 0;
}

static int line_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return -1;
	return text_take(row, text, out, pool, why);
}

static int name_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	size_t n = strlen(text);
	if (n == 0 || n > 63)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!isascii(text[i]) || (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i])))
			return -1;
	return text_take(row, text, out, pool, why);
}

static int file_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	return *text && strlen(text) < 4096 ? line_parse(row, text, out, pool, why) : -1;
}

static int zone_check(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	return zone_known(text) ? text_take(row, text, out, pool, why) : -1;
}

static void text_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	snprintf(out, size, "%s", *(const char *const *)value);
}

static bool host_fits(const char *host, size_t n, bool brackets)
{
	char text[256];
	struct in6_addr a;
	if (n == 0 || n > 253)
		return false;
	snprintf(text, sizeof text, "%.*s", (int)n, host);
	if (brackets)
		return inet_pton(AF_INET6, text, &a) == 1;
	for (size_t i = 0; i < n; i++)
		if (!isascii(host[i]) || (!isalnum((unsigned char)host[i]) && !strchr(".-_", host[i])))
			return false;
	return host[0] != '-';
}

static int hostport_parse(
	const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	struct yaml_hostport *h = out;
	uint64_t port;
	bool brackets = text[0] == '[';
	const char *host = text + brackets, *colon = strrchr(text, ':');
	*h = (struct yaml_hostport){ 0 };
	if (row->words && strcmp(text, row->words) == 0)
		return 0;
	if (!colon || colon < host + brackets || (brackets && colon[-1] != ']'))
		return -1;
	size_t n = (size_t)(colon - host) - brackets;
	const char *p = colon + 1;
	/* A server may leave the choice of its port to the system, a client may not. */
	if (!host_fits(host, n, brackets) || digits(&p, &port) < 0 || *p || port > 65535 || (port == 0 && !row->words))
		return -1;
	h->host = yaml_pool_text(pool, host, n);
	h->port = (uint16_t)port;
	return 0;
}

static void hostport_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	const struct yaml_hostport *h = value;
	if (!h->host)
		snprintf(out, size, "%s", row->words ? row->words : "");
	else
		snprintf(out, size, strchr(h->host, ':') ? "[%s]:%u" : "%s:%u", h->host, h->port);
}

static int own_parse(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why)
{
	return row->own->parse(text, out, why);
}

static void own_print(const struct yaml_row *row, const void *value, char *out, size_t size)
{
	row->own->print(out, size, value);
}

static const struct yaml_scalar scalars[] = {
	[YAML_TEXT] = { "a text", "TEXT", sizeof(char *), text_take, text_print, true },
	[YAML_LINE] = { "a text without control characters", "TEXT", sizeof(char *), line_parse, text_print, true },
	[YAML_NAME] = { "a name of at most 63 letters, digits, `.`, `_` and `-`", "NAME", sizeof(char *), name_parse,
		text_print, true },
	[YAML_FILE] = { "a path", "PATH", sizeof(char *), file_parse, text_print, true },
	[YAML_NUMBER] = { "a whole number", "N", sizeof(uint64_t), number_parse, number_print },
	[YAML_SIZE] = { "a size with its unit such as 64MiB or 20GB", "SIZE", sizeof(uint64_t), size_parse,
		size_print },
	[YAML_DURATION] = { "a duration with its unit such as 250ms, 10m or 7d", "DURATION", sizeof(int64_t),
		duration_parse, duration_print },
	[YAML_PERCENT] = { "a percentage such as 5%", "N%", sizeof(uint64_t), percent_parse, percent_print },
	[YAML_RATE] = { "a rate such as `30 per hour` (second, minute, hour, day)", "N per hour",
		sizeof(struct yaml_rate), rate_parse, rate_print },
	[YAML_BOOL] = { "true or false", "true|false", sizeof(bool), bool_parse, bool_print },
	[YAML_CHOICE] = { "a word", "WORD", sizeof(int), choice_parse, choice_print },
	[YAML_SECRET] = { "{file: PATH} or {env: NAME}", "{file: PATH} or {env: NAME}", sizeof(struct yaml_secret) },
	[YAML_HOSTPORT] = { "HOST:PORT or [IPV6]:PORT", "HOST:PORT", sizeof(struct yaml_hostport), hostport_parse,
		hostport_print },
	[YAML_ZONE] = { "a time zone of this system such as Asia/Tokyo", "ZONE", sizeof(char *), zone_check, text_print,
		true },
	[YAML_OWN] = { NULL, NULL, 0, own_parse, own_print },
};

const struct yaml_scalar *yaml_scalar_of(enum yaml_type type)
{
	return &scalars[type];
}

size_t yaml_size_of(const struct yaml_row *row, enum yaml_type type)
{
	if (type == YAML_MAP)
		return row->table->size;
	return type == YAML_OWN ? row->own->size : scalars[type].size;
}

bool yaml_show(const struct yaml_row *row, enum yaml_type type, const void *value, char out[YAML_SCALAR_MAX * 2])
{
	const struct yaml_scalar *s = &scalars[type];
	if (s->is_text && !*(const char *const *)value)
		return false;
	s->print(row, value, out, YAML_SCALAR_MAX * 2);
	return s->is_text || out[0];
}
