// SPDX-License-Identifier: Apache-2.0
/*
 * A request's first lines, as they would come from a client: what the console makes of them must be within its limits,
 * and fit into a call that reads back as it was. The desk's answers and the session's JSON go through the same door.
 */
#include "console/request.h"
#include "console/sessionjson.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT 70000

static struct request_site site;

static void know_site(void)
{
	if (site.n)
		return;
	snprintf(site.language, sizeof site.language, "en");
	request_site_add(&site, "localhost");
	request_site_add(&site, "::1");
}

/* A path that was taken has nothing left that another reader could decode again. */
static void check_path(const char *path)
{
	ENSURE(path[0] == '/' && !strstr(path, "/../") && !strstr(path, "//") && !strchr(path, '\\') &&
		!strchr(path, '%'));
	for (const char *p = path; *p; p++)
		ENSURE((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_call(const struct request *r)
{
	struct message_buf b = { 0 };
	struct call c = { .query = r->query, .proof = r->proof, .same_site = r->same_site }, back;
	snprintf(c.method, sizeof c.method, "%s", r->post ? "POST" : "GET");
	snprintf(c.path, sizeof c.path, "%s", r->path);
	snprintf(c.token, sizeof c.token, "%s", r->token);
	snprintf(c.csrf, sizeof c.csrf, "%s", r->csrf);
	snprintf(c.language, sizeof c.language, "%s", r->language);
	call_build(&b, &c);
	ENSURE(call_parse((struct bytes){ b.p, b.n }, &back) == 0);
	ENSURE(strcmp(back.path, c.path) == 0 && strcmp(back.token, c.token) == 0 && back.query.n == c.query.n);
	free(b.p);
}

static void check(const struct request_head *h)
{
	struct request r;
	const char *why = NULL;
	int refused = request_check(h, &site, &r, &why);
	if (refused) {
		ENSURE(refused >= 400 && refused < 600 && why);
		return;
	}
	ENSURE(!why && r.body_n <= CALL_BODY_MAX && r.query.n <= CALL_QUERY_MAX &&
		(r.proof == CALL_NOBODY) == !r.token[0]);
	ENSURE(!r.body_n || r.post);
	check_path(r.path);
	check_call(&r);
}

/* Method, target and version by blanks; a field a line. */
static void as_request(char *text)
{
	static struct request_field fields[REQUEST_FIELDS_MAX + 1];
	struct request_head h = { .method = text, .fields = fields };
	char *end = strchr(text, '\n'), *blank;
	char *rest = end ? end + 1 : text + strlen(text);
	if (end)
		*end = '\0';
	blank = strchr(text, ' ');
	if (!blank)
		return;
	*blank = '\0';
	h.target = blank + 1;
	blank = strrchr(h.target, ' ');
	if (!blank)
		return;
	*blank = '\0';
	h.version = blank + 1;
	while (*rest && h.n <= REQUEST_FIELDS_MAX) {
		size_t n = strcspn(rest, "\n"), name = strcspn(rest, ":\n");
		size_t value = name < n ? name + 1 : n;
		fields[h.n++] =
			(struct request_field){ { (uint8_t *)rest, name }, { (uint8_t *)rest + value, n - value } };
		rest += n + (rest[n] == '\n');
	}
	check(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT + 1];
	struct live_view view;
	char token[128];
	know_site();
	if (size > TEXT)
		return 0;
	ENSURE(request_cookie((struct bytes){ data, size }, token) == strlen(token));
	if (sessionjson_parse((const char *)data, size, &view) == 0) {
		ENSURE(view.n <= LIVE_SENSORS);
		free(view.sensors);
	}
	memcpy(text, data, size);
	text[size] = '\0';
	as_request(text);
	return 0;
}
