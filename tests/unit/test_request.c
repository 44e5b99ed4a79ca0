// SPDX-License-Identifier: Apache-2.0
/* Requests as they come from browsers, from programs and from those who look for a hole. */
#include "console/request.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct request_site site;

static int set_up(void **state)
{
	site = (struct request_site){ .language = "en" };
	request_site_add(&site, "localhost");
	request_site_add(&site, "127.0.0.1");
	request_site_add(&site, "::1");
	request_site_add(&site, "Console.Example.Net");
	return 0;
}

/* "GET /x HTTP/1.1\nName: value\n..." */
static int ask(const char *text, struct request *out, const char **why)
{
	static char copy[200000];
	static struct request_field fields[300];
	struct request_head h = { .fields = fields };
	snprintf(copy, sizeof copy, "%s", text);
	char *line = strtok(copy, "\n"), *rest;
	h.method = strtok_r(line, " ", &rest);
	line = copy + strlen(copy) + 1;
	h.target = strtok_r(NULL, " ", &rest);
	h.version = strtok_r(NULL, " ", &rest);
	const char *behind = strchr(text, '\n');
	line = copy + (behind - text) + 1;
	for (char *l = strtok_r(line, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
		char *colon = strchr(l, ':');
		size_t n = strlen(colon + 1);
		fields[h.n++] =
			(struct request_field){ { (uint8_t *)l, (size_t)(colon - l) }, { (uint8_t *)colon + 1, n } };
	}
	return request_check(&h, &site, out, why);
}

#define HOST "Host: localhost:8443\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\n"

static const struct {
	const char *name, *text;
	int want;
	const char *why;
} cases[] = {
	{ "a page", "GET /now HTTP/1.1\n" HOST, 0, NULL },
	{ "a page of HTTP/1.0", "GET /now HTTP/1.0\n" HOST, 0, NULL },
	{ "a head", "HEAD / HTTP/1.1\n" HOST, 0, NULL },
	{ "a question", "GET /api/v1/flows?from=now-1h&src=192.0.2.0%2F24 HTTP/1.1\n" HOST, 0, NULL },
	{ "a command", "POST /api/v1/logout HTTP/1.1\n" HOST "Content-Length: 0\n", 0, NULL },
	{ "a login", "POST /api/v1/login HTTP/1.1\n" HOST FORM "Content-Length: 27\n", 0, NULL },
	{ "the form's login", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 27\n", 0, NULL },
	{ "a type with its letters",
		"POST /login HTTP/1.1\n" HOST "content-type: application/x-www-form-urlencoded; charset=UTF-8\n"
		"content-length: 2\n",
		0, NULL },
	{ "methods", "PUT /now HTTP/1.1\n" HOST, 405, "method-not-allowed" },
	{ "DELETE", "DELETE /api/v1/users/a HTTP/1.1\n" HOST, 405, "method-not-allowed" },
	{ "TRACE", "TRACE / HTTP/1.1\n" HOST, 405, "method-not-allowed" },
	{ "OPTIONS of all", "OPTIONS * HTTP/1.1\n" HOST, 405, "method-not-allowed" },
	{ "CONNECT", "CONNECT localhost:22 HTTP/1.1\n" HOST, 405, "method-not-allowed" },
	{ "get in small letters", "get / HTTP/1.1\n" HOST, 405, "method-not-allowed" },
	{ "POST of a page", "POST /now HTTP/1.1\n" HOST "Content-Length: 0\n", 405, "method-not-allowed" },
	{ "POST of the events", "POST /api/v1/live HTTP/1.1\n" HOST "Content-Length: 0\n", 405, "method-not-allowed" },
	{ "another version", "GET / HTTP/2.0\n" HOST, 505, "bad-version" },
	{ "no host", "GET / HTTP/1.1\nAccept: */*\n", 400, "bad-host" },
	{ "two hosts", "GET / HTTP/1.1\n" HOST "Host: evil.example.net\n", 400, "bad-host" },
	{ "an empty host", "GET / HTTP/1.1\nHost:\n", 421, "misdirected" },
	{ "another's name", "GET / HTTP/1.1\nHost: evil.example.net\n", 421, "misdirected" },
	{ "another's address", "GET / HTTP/1.1\nHost: 192.0.2.1:8443\n", 421, "misdirected" },
	{ "a name like ours", "GET / HTTP/1.1\nHost: localhost.example.net\n", 421, "misdirected" },
	{ "a user before the host", "GET / HTTP/1.1\nHost: localhost@evil.example.net\n", 400, "bad-host" },
	{ "a name of the configuration", "GET / HTTP/1.1\nHost: console.example.net:443\n", 0, NULL },
	{ "with the root's point", "GET / HTTP/1.1\nHost: CONSOLE.example.net.\n", 0, NULL },
	{ "IPv6", "GET / HTTP/1.1\nHost: [::1]:8443\n", 0, NULL },
	{ "IPv6 written long", "GET / HTTP/1.1\nHost: [0:0:0:0:0:0:0:1]:8443\n", 0, NULL },
	{ "half a bracket", "GET / HTTP/1.1\nHost: [::1\n", 421, "misdirected" },
	{ "a port of letters", "GET / HTTP/1.1\nHost: localhost:https\n", 421, "misdirected" },
	{ "absolute form", "GET https://localhost/now HTTP/1.1\n" HOST, 400, "bad-target" },
	{ "absolute form of another", "GET http://evil.example.net/ HTTP/1.1\n" HOST, 400, "bad-target" },
	{ "a fragment", "GET /now#x HTTP/1.1\n" HOST, 400, "bad-target" },
	{ "a control character", "GET /now\x01 HTTP/1.1\n" HOST, 400, "bad-target" },
	{ "octets beyond ASCII", "GET /now\xe3\x81\x82 HTTP/1.1\n" HOST, 400, "bad-target" },
	{ "up", "GET /../etc/passwd HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "up at the end", "GET /assets/.. HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "up in escapes", "GET /assets/%2e%2e/x HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "up in two escapes", "GET /assets/%252e%252e/x HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "here", "GET /./now HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "an encoded slash", "GET /sources%2f192.0.2.1 HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "a backslash", "GET /a\\b HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "an encoded backslash", "GET /a%5cb HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "an encoded NUL", "GET /now%00 HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "an encoded line end", "GET /now%0d%0aX:1 HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "half an escape", "GET /now%4 HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "half an escape at the end", "GET /now% HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "no escape", "GET /now%zz HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "bad UTF-8", "GET /now%ff HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "overlong UTF-8", "GET /now%c0%af HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "two slashes", "GET //now HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "a slash at the end", "GET /now/ HTTP/1.1\n" HOST, 400, "bad-path" },
	{ "a case's number", "GET /cases/12 HTTP/1.1\n" HOST, 0, NULL },
	{ "an address", "GET /api/v1/sources/2001:db8::1 HTTP/1.1\n" HOST, 0, NULL },
	{ "two lengths", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 3\nContent-Length: 3\n", 400,
		"bad-length" },
	{ "two lengths that differ", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 3\nContent-Length: 4\n", 400,
		"bad-length" },
	{ "a list of lengths", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 3, 3\n", 400, "bad-length" },
	{ "a length with a sign", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: +3\n", 400, "bad-length" },
	{ "a length below nothing", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: -1\n", 400, "bad-length" },
	{ "a length in hex", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 0x3\n", 400, "bad-length" },
	{ "a length beyond numbers", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 99999999999999999999\n", 400,
		"bad-length" },
	{ "an empty length", "POST /login HTTP/1.1\n" HOST FORM "Content-Length:\n", 400, "bad-length" },
	{ "length and coding", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 3\nTransfer-Encoding: chunked\n",
		400, "bad-length" },
	{ "a coding", "POST /login HTTP/1.1\n" HOST FORM "Transfer-Encoding: chunked\n", 411, "length-required" },
	{ "a coding of GET", "GET / HTTP/1.1\n" HOST "Transfer-Encoding: identity\n", 411, "length-required" },
	{ "no length", "POST /login HTTP/1.1\n" HOST FORM, 411, "length-required" },
	{ "a body of GET", "GET / HTTP/1.1\n" HOST FORM "Content-Length: 3\n", 400, "body-not-allowed" },
	{ "a body of 64 KiB", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 65536\n", 0, NULL },
	{ "a larger body", "POST /login HTTP/1.1\n" HOST FORM "Content-Length: 65537\n", 413, "body-too-large" },
	{ "JSON", "POST /login HTTP/1.1\n" HOST "Content-Type: application/json\nContent-Length: 3\n", 415,
		"bad-media-type" },
	{ "no type", "POST /login HTTP/1.1\n" HOST "Content-Length: 3\n", 415, "bad-media-type" },
	{ "text, as a form of another site may send it",
		"POST /api/v1/login HTTP/1.1\n" HOST "Content-Type: text/plain\nContent-Length: 3\n", 415,
		"bad-media-type" },
	{ "a packed body", "POST /login HTTP/1.1\n" HOST FORM "Content-Encoding: gzip\nContent-Length: 3\n", 415,
		"bad-media-type" },
	{ "a blank before the colon", "POST /login HTTP/1.1\n" HOST FORM "Content-Length : 3\n", 400, "bad-header" },
	{ "a control character in a value",
		"GET / HTTP/1.1\n" HOST "X: a\x0b"
		"b\n",
		400, "bad-header" },
	{ "a carriage return in a value", "GET / HTTP/1.1\n" HOST "X: a\rY: b\n", 400, "bad-header" },
	{ "a name that is none", "GET / HTTP/1.1\n" HOST "X(y): 1\n", 400, "bad-header" },
	{ "two proofs", "GET / HTTP/1.1\n" HOST "Authorization: Bearer a\nAuthorization: Bearer b\n", 400,
		"bad-authorization" },
	{ "a password", "GET / HTTP/1.1\n" HOST "Authorization: Basic YTpi\n", 401, "bad-authorization" },
	{ "no token", "GET / HTTP/1.1\n" HOST "Authorization: Bearer \n", 401, "bad-authorization" },
	{ "a token that is none", "GET / HTTP/1.1\n" HOST "Authorization: Bearer a b\n", 401, "bad-authorization" },
};

static void judges(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request out;
		const char *why = "?";
		int r = ask(cases[i].text, &out, &why);
		if (r != cases[i].want || (cases[i].why ? strcmp(why, cases[i].why) != 0 : why != NULL))
			fail_msg("%s: %d %s", cases[i].name, r, why ? why : "-");
	}
}

static void fills(char *text, size_t n, const char *before, const char *behind)
{
	size_t k = (size_t)sprintf(text, "%s", before);
	memset(text + k, 'a', n);
	strcpy(text + k + n, behind);
}

static void keeps_limits(void **state)
{
	char *text = mem_new(300000);
	struct request out;
	const char *why;
	fills(text, CALL_PATH_MAX - 2, "GET /", " HTTP/1.1\n" HOST);
	assert_int_equal(ask(text, &out, &why), 0);
	fills(text, CALL_PATH_MAX - 1, "GET /", " HTTP/1.1\n" HOST);
	assert_int_equal(ask(text, &out, &why), 414);
	fills(text, CALL_QUERY_MAX, "GET /now?", " HTTP/1.1\n" HOST);
	assert_int_equal(ask(text, &out, &why), 0);
	fills(text, CALL_QUERY_MAX + 1, "GET /now?", " HTTP/1.1\n" HOST);
	assert_int_equal(ask(text, &out, &why), 414);
	fills(text, 16000, "GET /now HTTP/1.1\n" HOST "X: ", "\n");
	assert_int_equal(ask(text, &out, &why), 0);
	fills(text, 16384, "GET /now HTTP/1.1\n" HOST "X: ", "\n");
	assert_int_equal(ask(text, &out, &why), 431);
	strcpy(text, "GET /now HTTP/1.1\n" HOST);
	for (int i = 0; i < 100; i++)
		strcat(text, "X: y\n");
	assert_int_equal(ask(text, &out, &why), 431);
	free(text);
}

static void knows_the_path(void **state)
{
	struct request out;
	const char *why;
	assert_int_equal(ask("GET /api/v1/sources/192%2E0.2.1?limit=5&x=%20 HTTP/1.1\n" HOST, &out, &why), 0);
	assert_int_equal(out.kind, REQUEST_API);
	assert_string_equal(out.path, "/sources/192.0.2.1");
	assert_int_equal(out.query.n, strlen("limit=5&x=%20"));
	assert_memory_equal(out.query.p, "limit=5&x=%20", out.query.n);
	assert_int_equal(ask("GET /api/v1/live HTTP/1.1\n" HOST "Last-Event-ID: 0123abcd-17\n", &out, &why), 0);
	assert_int_equal(out.kind, REQUEST_LIVE);
	assert_string_equal(out.last_event, "0123abcd-17");
	assert_int_equal(ask("GET /api/v2/live HTTP/1.1\n" HOST, &out, &why), 0);
	assert_int_equal(out.kind, REQUEST_PAGE);
	assert_int_equal(ask("POST /login HTTP/1.1\n" HOST "Content-Length: 0\n", &out, &why), 0);
	assert_int_equal(out.kind, REQUEST_FORM);
	assert_int_equal(ask("GET /login HTTP/1.1\n" HOST, &out, &why), 0);
	assert_int_equal(out.kind, REQUEST_PAGE);
}

static const struct {
	const char *field, *want;
} cookies[] = {
	{ "__Host-sakimori=abcDEF-_.~1", "abcDEF-_.~1" },
	{ "a=b; __Host-sakimori=abc; c=d", "abc" },
	{ "a=b;__Host-sakimori=abc", "abc" },
	{ "__Host-sakimori=abc; __Host-sakimori=abc", "abc" },
	{ "__Host-sakimori=abc; __Host-sakimori=def", "" },
	{ "__Host-sakimori=\"abc\"", "" },
	{ "__Host-sakimori=", "" },
	{ "__host-sakimori=abc", "" },
	{ "x__Host-sakimori=abc", "" },
	{ "__Host-sakimorix=abc", "" },
	{ "__Host-sakimori=a b", "" },
	{ "__Host-sakimori=a,b", "" },
	{ "", "" },
	{ ";;;=;", "" },
};

static void reads_cookies(void **state)
{
	char out[128], text[300];
	for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
		struct bytes b = { (const uint8_t *)cookies[i].field, strlen(cookies[i].field) };
		assert_int_equal(request_cookie(b, out), strlen(cookies[i].want));
		assert_string_equal(out, cookies[i].want);
	}
	int n = snprintf(text, sizeof text, "__Host-sakimori=%0127d", 1);
	assert_int_equal(request_cookie((struct bytes){ (uint8_t *)text, (size_t)n }, out), 127);
	n = snprintf(text, sizeof text, "__Host-sakimori=%0128d", 1);
	assert_int_equal(request_cookie((struct bytes){ (uint8_t *)text, (size_t)n }, out), 0);
}

static const struct {
	const char *fields;
	enum call_proof proof;
	const char *token;
	bool same_site;
} proofs[] = {
	{ HOST, CALL_NOBODY, "", true },
	{ HOST "Cookie: __Host-sakimori=abc\n", CALL_COOKIE, "abc", true },
	{ HOST "Authorization: bearer xyz\nCookie: __Host-sakimori=abc\n", CALL_BEARER, "xyz", true },
	{ HOST "Cookie: __Host-sakimori=abc\nCookie: __Host-sakimori=def\n", CALL_NOBODY, "", true },
	{ HOST "Sec-Fetch-Site: same-origin\n", CALL_NOBODY, "", true },
	{ HOST "Sec-Fetch-Site: none\n", CALL_NOBODY, "", true },
	{ HOST "Sec-Fetch-Site: cross-site\n", CALL_NOBODY, "", false },
	{ HOST "Sec-Fetch-Site: same-site\n", CALL_NOBODY, "", false },
	{ HOST "Sec-Fetch-Site: none\nSec-Fetch-Site: none\n", CALL_NOBODY, "", false },
	{ HOST "Origin: https://localhost:8443\n", CALL_NOBODY, "", true },
	{ HOST "Origin: https://localhost:9443\n", CALL_NOBODY, "", false },
	{ HOST "Origin: http://localhost:8443\n", CALL_NOBODY, "", false },
	{ HOST "Origin: https://evil.example.net\n", CALL_NOBODY, "", false },
	{ HOST "Origin: null\n", CALL_NOBODY, "", false },
};

static void knows_who_asks(void **state)
{
	for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
		char text[1000];
		struct request out;
		const char *why;
		snprintf(text, sizeof text, "GET /api/v1/session HTTP/1.1\n%s", proofs[i].fields);
		assert_int_equal(ask(text, &out, &why), 0);
		assert_int_equal(out.proof, proofs[i].proof);
		assert_string_equal(out.token, proofs[i].token);
		assert_int_equal(out.same_site, proofs[i].same_site);
	}
}

static void knows_what_it_would_like(void **state)
{
	static const struct {
		const char *accept, *want;
	} languages[] = { { "ja,en;q=0.7", "ja" }, { "en-GB,en;q=0.9,ja;q=0.8", "en" }, { "de,ja;q=0.3", "ja" },
		{ "fr", "en" }, { "ja;q=0,en;q=0.1", "en" }, { "*", "en" }, { "", "en" }, { "jaa", "en" } };
	struct request out;
	const char *why;
	char text[300];
	for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
		snprintf(text, sizeof text, "GET / HTTP/1.1\n" HOST "Accept-Language: %s\n", languages[i].accept);
		assert_int_equal(ask(text, &out, &why), 0);
		assert_string_equal(out.language, languages[i].want);
	}
	assert_int_equal(ask("GET / HTTP/1.1\n" HOST "Accept-Encoding: gzip, deflate, br\n", &out, &why), 0);
	assert_true(out.gzip && out.br);
	assert_int_equal(ask("GET / HTTP/1.1\n" HOST "Accept-Encoding: gzip;q=0, br;q=0.5\n", &out, &why), 0);
	assert_true(!out.gzip && out.br);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(judges, set_up),
		cmocka_unit_test_setup(keeps_limits, set_up),
		cmocka_unit_test_setup(knows_the_path, set_up),
		cmocka_unit_test_setup(reads_cookies, set_up),
		cmocka_unit_test_setup(knows_who_asks, set_up),
		cmocka_unit_test_setup(knows_what_it_would_like, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
