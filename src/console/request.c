// SPDX-License-Identifier: Apache-2.0
#include "console/request.h"

#include "base/text.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define API  "/api/v1"
#define LIVE "/live"

/* ---- words ---- */

static bool is_word(struct bytes b, const char *word)
{
	size_t n = strlen(word);
	return b.n == n && strncasecmp((const char *)b.p, word, n) == 0;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static struct bytes trim(struct bytes b)
{
	while (b.n && (b.p[0] == ' ' || b.p[0] == '\t'))
		b = bytes_from(b, 1);
	while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	return b;
}

/* What is before the next `sep`; `*rest` goes behind it. False: nothing was left. */
static bool cut(struct bytes *rest, char sep, struct bytes *out)
{
	if (!rest->n)
		return false;
	const uint8_t *at = memchr(rest->p, sep, rest->n);
	size_t n = at ? (size_t)(at - rest->p) : rest->n;
	*out = trim(bytes_head(*rest, n));
	*rest = bytes_from(*rest, at ? n + 1 : n);
	return true;
}

/* token of RFC 9110, 5.6.2 */
static bool token(struct bytes b)
{
	static const char other[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = lower(b.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(other, c))))
			return false;
	}
	return b.n > 0;
}

static bool printable(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if ((b.p[i] < 0x20 && b.p[i] != '\t') || b.p[i] == 0x7f)
			return false;
	return true;
}

/* Letters of what the desk makes: base64url, hex, and points between parts. */
static bool secret(struct bytes b, size_t size)
{
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = lower(b.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-_.~", c))))
			return false;
	}
	return b.n > 0 && b.n < size;
}

static void copy(char *out, struct bytes b)
{
	memcpy(out, b.p, b.n);
	out[b.n] = '\0';
}

/* ---- fields ---- */

/* How often it is there; `*out` is the last. */
static unsigned find(const struct request_head *h, const char *name, struct bytes *out)
{
	unsigned n = 0;
	*out = (struct bytes){ NULL, 0 };
	for (size_t i = 0; i < h->n; i++)
		if (is_word(h->fields[i].name, name)) {
			*out = trim(h->fields[i].value);
			n++;
		}
	return n;
}

static int check_fields(const struct request_head *h, const char **why)
{
	size_t octets = 0;
	*why = "bad-header";
	for (size_t i = 0; i < h->n; i++) {
		const struct request_field *f = &h->fields[i];
		octets += f->name.n + f->value.n + 4;
		if (!token(f->name) || !printable(f->value))
			return 400;
	}
	*why = "header-too-large";
	return octets > REQUEST_HEADERS_MAX || h->n > REQUEST_FIELDS_MAX ? 431 : 0;
}

void request_site_add(struct request_site *s, const char *name)
{
	size_t n = strlen(name);
	if (s->n == REQUEST_NAMES || n == 0 || n >= sizeof s->names[0])
		return;
	for (size_t i = 0; i <= n; i++)
		s->names[s->n][i] = (char)lower((uint8_t)name[i]);
	s->n++;
}

/* Two ways to write one address are one. */
static bool same_address(const char *a, const char *b, bool *address)
{
	uint8_t x[16], y[16];
	int family = inet_pton(AF_INET, a, x) == 1 ? AF_INET : inet_pton(AF_INET6, a, x) == 1 ? AF_INET6 : 0;
	*address = family != 0;
	return family && inet_pton(family, b, y) == 1 && memcmp(x, y, family == AF_INET ? 4 : 16) == 0;
}

/* ":8443", or nothing; which one is not looked at: somebody may have brought us to another. */
static bool is_port(struct bytes b)
{
	if (!b.n)
		return true;
	for (size_t i = 1; i < b.n; i++)
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
	return b.p[0] == ':' && b.n >= 2 && b.n <= 6;
}

/* "name:port", "[address]:port". Lower case, without the root's point. */
static bool host_name(struct bytes host, char out[256])
{
	bool bracket = host.n && host.p[0] == '[';
	if (bracket)
		host = bytes_from(host, 1);
	const uint8_t *end = host.n ? memchr(host.p, bracket ? ']' : ':', host.n) : NULL;
	size_t n = end ? (size_t)(end - host.p) : host.n;
	if ((bracket && !end) || !is_port(bytes_from(host, n + bracket)) || n == 0 || n >= 256)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)lower(host.p[i]);
	if (n > 1 && out[n - 1] == '.')
		n--;
	out[n] = '\0';
	return true;
}

static bool ours(const struct request_site *s, struct bytes host)
{
	char name[256];
	bool address = false;
	if (!host_name(host, name))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->names[i], name) == 0 || same_address(name, s->names[i], &address))
			return true;
	return address && s->any_address;
}

static int check_host(const struct request_head *h, const struct request_site *s, struct bytes *host, const char **why)
{
	*why = "bad-host";
	if (find(h, "Host", host) != 1)
		return 400;
	for (size_t i = 0; i < host->n; i++)
		if (host->p[i] <= 0x20 || host->p[i] >= 0x7f || strchr("/@?#\\,", host->p[i]))
			return 400;
	*why = "misdirected";
	return ours(s, *host) ? 0 : 421;
}

/* ---- target ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Segments that a file system or another server would understand differently. */
static bool plain_segments(const char *path)
{
	for (const char *p = path; *p;) {
		const char *segment = p + 1;
		size_t n = strcspn(segment, "/");
		bool last = segment[n] == '\0';
		if ((n == 0 && !(last && segment == path + 1)) || (n == 1 && segment[0] == '.') ||
			(n == 2 && segment[0] == '.' && segment[1] == '.'))
			return false;
		p = segment + n;
	}
	return true;
}

/* One octet of a path, decoded; -1: no path of ours has it. `*i` goes behind it. */
static int path_octet(const char *target, size_t n, size_t *i)
{
	unsigned char c = (unsigned char)target[*i];
	bool escaped = c == '%';
	(*i)++;
	if (escaped) {
		int high = n - *i >= 2 ? hex(target[*i]) : -1, low = n - *i >= 2 ? hex(target[*i + 1]) : -1;
		if (high < 0 || low < 0)
			return -1;
		c = (unsigned char)(high << 4 | low);
		*i += 2;
	}
	if (c < 0x20 || c == 0x7f || c == '\\')
		return -1;
	return strchr(escaped ? "/%" : "\"", c) ? -1 : c;
}

static int decode_path(const char *target, size_t n, char out[CALL_PATH_MAX])
{
	size_t k = 0;
	for (size_t i = 0; i < n;) {
		int c = path_octet(target, n, &i);
		if (c < 0 || k + 1 >= CALL_PATH_MAX)
			return -1;
		out[k++] = (char)c;
	}
	out[k] = '\0';
	for (size_t i = 0; i < k;) {
		size_t length = text_utf8_length(out + i, k - i);
		if (!length)
			return -1;
		i += length;
	}
	return plain_segments(out) ? 0 : -1;
}

static int check_target(const struct request_head *h, struct request *out, const char **why)
{
	const char *t = h->target;
	size_t all = strlen(t), n = strcspn(t, "?");
	*why = "bad-target";
	if (t[0] != '/')
		return 400;
	for (size_t i = 0; i < all; i++)
		if ((unsigned char)t[i] <= 0x20 || (unsigned char)t[i] >= 0x7f || t[i] == '#')
			return 400;
	out->query = (struct bytes){ (const uint8_t *)t + n + (t[n] == '?'), all - n - (t[n] == '?') };
	if (n > CALL_PATH_MAX - 1 || out->query.n > CALL_QUERY_MAX) {
		*why = "target-too-long";
		return 414;
	}
	*why = "bad-path";
	if (decode_path(t, n, out->path) < 0)
		return 400;
	size_t api = strlen(API);
	if (strncmp(out->path, API "/", api + 1) == 0) {
		memmove(out->path, out->path + api, strlen(out->path + api) + 1);
		out->kind = strcmp(out->path, LIVE) == 0 ? REQUEST_LIVE : REQUEST_API;
	} else if (out->post && strcmp(out->path, "/login") == 0) {
		out->kind = REQUEST_FORM;
	}
	return 0;
}

/* ---- method and body ---- */

static int check_method(const struct request_head *h, struct request *out, const char **why)
{
	*why = "bad-version";
	if (strcmp(h->version, "HTTP/1.1") != 0 && strcmp(h->version, "HTTP/1.0") != 0)
		return 505;
	*why = "method-not-allowed";
	out->head = strcmp(h->method, "HEAD") == 0;
	out->post = strcmp(h->method, "POST") == 0;
	return out->head || out->post || strcmp(h->method, "GET") == 0 ? 0 : 405;
}

/* Digits alone: no sign, no list, no other base. Returns 0 or -1. */
static int length_of(struct bytes b, uint64_t *out)
{
	*out = 0;
	if (b.n == 0 || b.n > 18)
		return -1;
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return -1;
		*out = *out * 10 + (uint64_t)(b.p[i] - '0');
	}
	return 0;
}

static int check_length(const struct request_head *h, struct request *out, const char **why)
{
	struct bytes length, coding;
	unsigned lengths = find(h, "Content-Length", &length), codings = find(h, "Transfer-Encoding", &coding);
	uint64_t n = 0;
	*why = "bad-length";
	if (lengths > 1 || (lengths && codings) || (lengths && length_of(length, &n) < 0))
		return 400;
	*why = "length-required";
	if (codings || (out->post && !lengths))
		return 411;
	*why = "body-not-allowed";
	if (n && !out->post)
		return 400;
	*why = "body-too-large";
	if (n > CALL_BODY_MAX)
		return 413;
	out->body_n = (uint32_t)n;
	return 0;
}

static int check_body(const struct request_head *h, struct request *out, const char **why)
{
	struct bytes type, rest;
	int r = check_length(h, out, why);
	if (r || !out->body_n)
		return r;
	*why = "bad-media-type";
	if (find(h, "Content-Encoding", &rest) || find(h, "Content-Type", &rest) != 1 || !cut(&rest, ';', &type))
		return 415;
	return is_word(type, "application/x-www-form-urlencoded") ? 0 : 415;
}

/* ---- who asks ---- */

size_t request_cookie(struct bytes field, char out[128])
{
	struct bytes pair, found = { NULL, 0 };
	size_t name = strlen(REQUEST_COOKIE);
	out[0] = '\0';
	while (cut(&field, ';', &pair)) {
		if (pair.n <= name || memcmp(pair.p, REQUEST_COOKIE, name) != 0 || pair.p[name] != '=')
			continue;
		struct bytes value = bytes_from(pair, name + 1);
		if (!secret(value, 128) || (found.p && (found.n != value.n || memcmp(found.p, value.p, value.n) != 0)))
			return 0;
		found = value;
	}
	if (found.p)
		copy(out, found);
	return found.n;
}

static int check_proof(const struct request_head *h, struct request *out, const char **why)
{
	struct bytes v;
	unsigned n = find(h, "Authorization", &v);
	*why = "bad-authorization";
	if (n > 1)
		return 400;
	if (n) {
		/* Whoever sends one means it: a cookie beside it does not stand in for a bad one. */
		if (v.n < 8 || strncasecmp((const char *)v.p, "Bearer ", 7) != 0 ||
			!secret(trim(bytes_from(v, 7)), 128))
			return 401;
		out->proof = CALL_BEARER;
		copy(out->token, trim(bytes_from(v, 7)));
	} else {
		for (size_t i = 0; i < h->n; i++) {
			char token_of[128];
			if (!is_word(h->fields[i].name, "Cookie") || !request_cookie(h->fields[i].value, token_of))
				continue;
			if (out->token[0] && strcmp(out->token, token_of) != 0) {
				out->token[0] = '\0';
				out->proof = CALL_NOBODY;
				break;
			}
			snprintf(out->token, sizeof out->token, "%s", token_of);
			out->proof = CALL_COOKIE;
		}
	}
	if (find(h, "X-CSRF-Token", &v) == 1 && secret(v, sizeof out->csrf))
		copy(out->csrf, v);
	return 0;
}

/* Fetch metadata where the browser has it, Origin where it hasn't. Programs send neither. */
static bool same_site(const struct request_head *h, struct bytes host)
{
	struct bytes v;
	unsigned n = find(h, "Sec-Fetch-Site", &v);
	if (n)
		return n == 1 && (is_word(v, "none") || is_word(v, "same-origin"));
	n = find(h, "Origin", &v);
	if (n == 0)
		return true;
	static const char scheme[] = "https://";
	size_t k = sizeof scheme - 1;
	return n == 1 && v.n == k + host.n && strncasecmp((const char *)v.p, scheme, k) == 0 &&
	       strncasecmp((const char *)v.p + k, (const char *)host.p, host.n) == 0;
}

/* ---- what it would like ---- */

/* "q=0.7" in thousandths; without: 1000 (RFC 9110, 12.4.2). */
static unsigned weight(struct bytes parameters)
{
	struct bytes p;
	while (cut(&parameters, ';', &p)) {
		unsigned q = 0, unit = 1000;
		if (p.n < 3 || lower(p.p[0]) != 'q' || p.p[1] != '=')
			continue;
		for (size_t i = 2; i < p.n && i < 7; i++)
			if (p.p[i] >= '0' && p.p[i] <= '9') {
				q += (unsigned)(p.p[i] - '0') * unit;
				unit /= 10;
			}
		return q;
	}
	return 1000;
}

static void choose_language(const struct request_head *h, struct request *out)
{
	struct bytes list, item, tag;
	unsigned best = 0;
	find(h, "Accept-Language", &list);
	while (cut(&list, ',', &item)) {
		if (!cut(&item, ';', &tag) || tag.n < 2 || (tag.n > 2 && tag.p[2] != '-'))
			continue;
		bool ja = is_word(bytes_head(tag, 2), "ja"), en = is_word(bytes_head(tag, 2), "en");
		unsigned q = weight(item);
		if ((ja || en) && q > best) {
			best = q;
			snprintf(out->language, sizeof out->language, "%s", ja ? "ja" : "en");
		}
	}
}

static void choose_coding(const struct request_head *h, struct request *out)
{
	struct bytes list, item, name;
	find(h, "Accept-Encoding", &list);
	while (cut(&list, ',', &item))
		if (cut(&item, ';', &name) && weight(item)) {
			out->gzip = out->gzip || is_word(name, "gzip");
			out->br = out->br || is_word(name, "br");
		}
}

int request_check(const struct request_head *h, const struct request_site *s, struct request *out, const char **why)
{
	struct bytes host, v;
	int r;
	*out = (struct request){ 0 };
	snprintf(out->language, sizeof out->language, "%s", s->language);
	if ((r = check_method(h, out, why)) || (r = check_fields(h, why)) || (r = check_host(h, s, &host, why)) ||
		(r = check_target(h, out, why)) || (r = check_body(h, out, why)) || (r = check_proof(h, out, why)))
		return r;
	if (out->post && out->kind != REQUEST_API && out->kind != REQUEST_FORM) {
		*why = "method-not-allowed";
		return 405;
	}
	out->same_site = same_site(h, host);
	choose_language(h, out);
	choose_coding(h, out);
	if (find(h, "Last-Event-ID", &v) == 1 && secret(v, sizeof out->last_event))
		copy(out->last_event, v);
	if (find(h, "If-None-Match", &v) == 1)
		out->match = v;
	*why = NULL;
	return 0;
}
