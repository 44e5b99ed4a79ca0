// SPDX-License-Identifier: Apache-2.0
/* The reference of the interface, from the table of views: OpenAPI 3.1 and Markdown. */
#include "view/list.h"
#include "view/shape.h"

#include <stdio.h>
#include <string.h>

static bool in_path(const struct view *v, const struct view_param *p)
{
	char braced[64];
	snprintf(braced, sizeof braced, "{%s}", p->name);
	return strstr(v->path, braced);
}

static bool is_json(const struct view *v)
{
	return v->answer[0] == '{' || v->answer[0] == '[';
}

static void words_json(struct json *j, const char *words)
{
	json_array(j, "enum");
	while (*words) {
		size_t n = strcspn(words, "|");
		json_strn(j, NULL, words, n);
		words += n + (words[n] == '|');
	}
	json_end(j, ']');
}

static void param_schema(struct json *j, const char *key, const struct view_param *p)
{
	json_object(j, key);
	json_str(j, "type", p->type == VIEW_NUMBER ? "integer" : p->type == VIEW_FLAG ? "boolean" : "string");
	if (p->type == VIEW_WORD)
		words_json(j, p->words);
	if (p->secret)
		json_str(j, "format", "password");
	if (p->normal)
		json_str(j, "default", p->normal);
	json_end(j, '}');
}

static void param_json(struct json *j, const struct view *v, const struct view_param *p)
{
	bool path = in_path(v, p);
	json_object(j, NULL);
	json_str(j, "name", p->name);
	json_str(j, "in", path ? "path" : "query");
	json_bool(j, "required", path || p->required);
	json_str(j, "description", p->meaning);
	param_schema(j, "schema", p);
	json_end(j, '}');
}

static void params_json(struct json *j, const struct view *v)
{
	bool post = strcmp(v->method, "POST") == 0, body = false;
	json_array(j, "parameters");
	for (size_t i = 0; i < v->params_n; i++) {
		body |= post && !in_path(v, &v->params[i]);
		if (!post || in_path(v, &v->params[i]))
			param_json(j, v, &v->params[i]);
	}
	json_end(j, ']');
	if (!body)
		return;
	json_object(j, "requestBody");
	json_object(j, "content");
	json_object(j, "application/x-www-form-urlencoded");
	json_object(j, "schema");
	json_str(j, "type", "object");
	json_object(j, "properties");
	for (size_t i = 0; i < v->params_n; i++)
		if (!in_path(v, &v->params[i]))
			param_schema(j, v->params[i].name, &v->params[i]);
	for (int depth = 0; depth < 5; depth++)
		json_end(j, '}');
}

static void failures_json(struct json *j, const struct view *v)
{
	static const struct {
		const char *code, *why;
	} rows[] = { { "400", "a parameter is wrong" }, { "401", "not logged in" }, { "403", "not allowed" },
		{ "404", "there is no such thing, or none that may be seen" }, { "429", "too often" },
		{ "503", "a part is not there just now" } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (v->level == VIEW_OPEN && strcmp(rows[i].code, "403") == 0)
			continue;
		json_object(j, rows[i].code);
		json_str(j, "description", rows[i].why);
		json_object(j, "content");
		json_object(j, "application/json");
		json_object(j, "schema");
		json_str(j, "$ref", "#/components/schemas/error");
		for (int depth = 0; depth < 4; depth++)
			json_end(j, '}');
	}
}

static void answer_json(struct json *j, const struct view *v)
{
	json_object(j, "responses");
	json_object(j, "200");
	json_str(j, "description", v->summary);
	json_object(j, "content");
	json_object(j, is_json(v) ? "application/json" : v->answer);
	if (is_json(v))
		shape_schema(j, "schema", v->answer);
	for (int depth = 0; depth < 3; depth++)
		json_end(j, '}');
	failures_json(j, v);
	json_end(j, '}');
}

static void view_json(struct json *j, const struct view *v)
{
	char method[8];
	snprintf(method, sizeof method, "%s", strcmp(v->method, "POST") == 0 ? "post" : "get");
	json_object(j, method);
	json_str(j, "summary", v->summary);
	json_str(j, "x-role", view_level_name(v->level));
	params_json(j, v);
	answer_json(j, v);
	json_end(j, '}');
}

/* The k-th view of both lists. */
static const struct view *nth(const struct view *const *extra, size_t k)
{
	for (; extra && *extra; extra++)
		if (k-- == 0)
			return *extra;
	size_t i = 0;
	while (views[i] && i < k)
		i++;
	return views[i];
}

/* All methods of a path stand together, where it comes first. */
static void paths_json(struct json *j, const struct view *const *extra)
{
	const struct view *v, *w;
	for (size_t i = 0; (v = nth(extra, i)); i++) {
		bool before = false;
		for (size_t k = 0; k < i; k++)
			before |= strcmp(nth(extra, k)->path, v->path) == 0;
		if (before)
			continue;
		json_object(j, v->path);
		for (size_t k = i; (w = nth(extra, k)); k++)
			if (strcmp(w->path, v->path) == 0)
				view_json(j, w);
		json_end(j, '}');
	}
}

static void components_json(struct json *j)
{
	json_object(j, "components");
	json_object(j, "securitySchemes");
	json_object(j, "session");
	json_str(j, "type", "apiKey");
	json_str(j, "in", "cookie");
	json_str(j, "name", "__Host-sakimori");
	json_end(j, '}');
	json_object(j, "token");
	json_str(j, "type", "http");
	json_str(j, "scheme", "bearer");
	json_end(j, '}');
	json_end(j, '}');
	json_object(j, "schemas");
	shape_schema(j, "error", "{error: {code: text, message: text, parameter?: text, retry_after_s?: integer}}");
	json_end(j, '}');
	json_end(j, '}');
}

void view_openapi(FILE *out, const struct view *const *extra)
{
	struct json j;
	json_init(&j, out);
	json_object(&j, NULL);
	json_str(&j, "openapi", "3.1.0");
	json_object(&j, "info");
	json_str(&j, "title", "sakimori");
	json_str(&j, "version", SAKIMORI_VERSION);
	json_str(&j, "description",
		"What the console's pages are made of. Times are UTC, as RFC 3339 and as nanoseconds since 1970. "
		"Commands (POST) of a browser need the session's token in X-CSRF-Token.");
	json_end(&j, '}');
	json_array(&j, "servers");
	json_object(&j, NULL);
	json_str(&j, "url", "/api/v1");
	json_end(&j, '}');
	json_end(&j, ']');
	json_array(&j, "security");
	for (int i = 0; i < 2; i++) {
		json_object(&j, NULL);
		json_array(&j, i ? "token" : "session");
		json_end(&j, ']');
		json_end(&j, '}');
	}
	json_end(&j, ']');
	json_object(&j, "paths");
	paths_json(&j, extra);
	json_end(&j, '}');
	components_json(&j);
	json_end(&j, '}');
	json_line(&j);
}

static void param_text(FILE *out, const struct view *v, const struct view_param *p)
{
	fprintf(out, "| `%s`%s | %s", p->name, in_path(v, p) ? " (path)" : p->required ? " (needed)" : "", p->meaning);
	if (p->words) {
		fputs(": `", out);
		for (const char *w = p->words; *w; w++)
			fputs(*w == '|' ? "` `" : (char[]){ *w, '\0' }, out);
		fputs("`", out);
	}
	fprintf(out, " | %s |\n", p->normal ? p->normal : "");
}

void view_reference(FILE *out, const struct view *const *extra)
{
	const struct view *v;
	fputs("# The console's interface\n\nWritten by `sakimori --reference-api` from the table of views. All paths "
	      "lie "
	      "under `/api/v1`; `/api/v1/openapi.json` tells the same to programs. Sessions, tokens, live events "
	      "(`/live`) "
	      "and examples: [guide.md](guide.md#programs).\n",
		out);
	for (size_t i = 0; (v = nth(extra, i)); i++) {
		fprintf(out, "\n## %s %s\n\n%s. Role: %s.\n", v->method, v->path, v->summary,
			view_level_name(v->level));
		if (v->params_n)
			fputs("\n| parameter | meaning | default |\n|---|---|---|\n", out);
		for (size_t k = 0; k < v->params_n; k++)
			param_text(out, v, &v->params[k]);
		fprintf(out, "\nAnswer: `%s`\n", v->answer);
	}
}

static int answer(struct view_call *c, struct err *err)
{
	view_openapi(c->out, c->also);
	return 0;
}

const struct view openapi_view = {
	.method = "GET",
	.path = "/openapi.json",
	.level = VIEW_VIEWER,
	.summary = "This description",
	.answer = "{openapi: text, info: any, servers: [any], security: [any], paths: {*: any}, components: any}",
	.fn = answer,
};
