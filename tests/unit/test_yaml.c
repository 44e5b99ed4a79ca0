// SPDX-License-Identifier: Apache-2.0
/* Documents against a table with a key of each type: yaml_tree (what is refused), yaml_walk (keys and their faults),
 * yaml_scalar (values), yaml_print (quoting), yaml_diff, yaml_reference (pages). */
#include "codec/yaml.h"
#include "base/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

/* One key of each type. */
struct shape {
	int type;
	const char *name;
	uint64_t radius;
	int64_t wait_ns;
};
struct dated {
	const char *what;
	uint64_t n;
};
struct all {
	const char *text, *line, *name, *file, *zone;
	uint64_t number, size, percent;
	int64_t duration;
	struct yaml_rate rate;
	bool flag;
	int choice;
	struct yaml_secret secret;
	struct yaml_hostport to, listen;
	struct {
		uint64_t a, b;
	} map;
	YAML_LIST_OF(const char *) texts;
	YAML_LIST_OF(struct shape) shapes;
	YAML_LIST_OF(struct dated) dated;
};

#define ALL(m)	 offsetof(struct all, m)
#define N_OF(a)	 (sizeof(a) / sizeof *(a))
#define TABLE(t) t##_rows, N_OF(t##_rows)

static const struct yaml_row map_rows[] = {
	{ "a", YAML_NUMBER, 0, "1", .help = "first" },
	{ "b", YAML_NUMBER, 8, "2", .help = "second", .touches = 4 },
};
static const struct yaml_table map_table = { TABLE(map), 16 };
static const struct yaml_row shape_rows[] = {
	{ "type", YAML_CHOICE, offsetof(struct shape, type), .required = true, .words = "circle|pause",
		.help = "kind" },
	{ "name", YAML_NAME, offsetof(struct shape, name), .required = true, .help = "name" },
};
static const struct yaml_row circle_rows[] = {
	{ "radius", YAML_NUMBER, offsetof(struct shape, radius), "7", .max = 9, .help = "radius" },
};
static const struct yaml_row pause_rows[] = {
	{ "wait", YAML_DURATION, offsetof(struct shape, wait_ns), "1s", .help = "wait" },
};
static const struct yaml_variant shape_variants[] = { { TABLE(circle) }, { TABLE(pause) } };
static const struct yaml_table shape_table = { TABLE(shape), sizeof(struct shape), .named = "name",
	.variants = shape_variants };
static const struct yaml_row dated_rows[] = {
	{ "what", YAML_LINE, offsetof(struct dated, what), .required = true, .help = "what" },
	{ "n", YAML_NUMBER, offsetof(struct dated, n), "3", .help = "n" },
};
static const struct yaml_table dated_table = { TABLE(dated), sizeof(struct dated), .shorter = "what" };
static const struct yaml_row rows[] = {
	{ "text", YAML_TEXT, ALL(text), .help = "any | text" },
	{ "line", YAML_LINE, ALL(line), .max = 8, .help = "line" },
	{ "name", YAML_NAME, ALL(name), "anybody", .help = "name" },
	{ "file", YAML_FILE, ALL(file), .help = "file" },
	{ "zone", YAML_ZONE, ALL(zone), .help = "zone" },
	{ "number", YAML_NUMBER, ALL(number), "5", .min = 1, .max = 64, .help = "number" },
	{ "size", YAML_SIZE, ALL(size), "1GB", .min = 1 << 20, .help = "size" },
	{ "percent", YAML_PERCENT, ALL(percent), "5%", .help = "percent" },
	{ "duration", YAML_DURATION, ALL(duration), "90m", .help = "duration" },
	{ "rate", YAML_RATE, ALL(rate), "30 per hour", .help = "rate" },
	{ "flag", YAML_BOOL, ALL(flag), "true", .help = "flag" },
	{ "choice", YAML_CHOICE, ALL(choice), "red", .words = "red|green", .help = "choice", .touches = 2 },
	{ "secret", YAML_SECRET, ALL(secret), .help = "secret" },
	{ "to", YAML_HOSTPORT, ALL(to), .help = "to" },
	{ "listen", YAML_HOSTPORT, ALL(listen), "off", .words = "off", .help = "listen" },
	{ "map", YAML_MAP, ALL(map), .table = &map_table, .help = "map", .touches = 1 },
	{ "texts", YAML_LIST, ALL(texts), .item = YAML_TEXT, .max = 3, .help = "texts" },
	{ "shapes", YAML_LIST, ALL(shapes), .item = YAML_MAP, .table = &shape_table, .help = "shapes", .touches = 8 },
	{ "dated", YAML_LIST, ALL(dated), .item = YAML_MAP, .table = &dated_table, .help = "dated" },
};
static const struct yaml_table table = { rows, N_OF(rows), sizeof(struct all) };

struct parsed {
	struct all v;
	struct yaml_pool *pool;
	struct yaml_faults faults;
	int code;
};

static struct parsed *parse(const char *text, size_t n)
{
	struct parsed *p = calloc(1, sizeof *p);
	assert_non_null(p);
	p->pool = yaml_pool_new();
	p->code = yaml_parse((struct bytes){ (const uint8_t *)text, n }, &table, &p->v, p->pool, &p->faults);
	return p;
}

static void done(struct parsed *p)
{
	yaml_pool_free(p->pool);
	free(p);
}

static char *print(const struct all *v)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);
	yaml_print(f, &table, v);
	fclose(f);
	return out;
}

#define DEFAULTS                                                                                                       \
	"name: anybody\nnumber: 5\nsize: 1GB\npercent: 5%\nduration: 90m\nrate: 30 per hour\nflag: true\n"             \
	"choice: red\nlisten: off\nmap:\n  a: 1\n  b: 2\ntexts: []\nshapes: []\ndated: []\n"

/* What a document adds to the defaults, as a whole line that must be in the print. */
static const struct {
	const char *name, *text, *line;
} good[] = {
	{ "nothing", "", "name: anybody" },
	{ "only a comment", "# x\n", "flag: true" },
	{ "a mark in front", "\xef\xbb\xbfnumber: 7\n", "number: 7" },
	{ "a word that other readers take for a bool", "text: yes\n", "text: \"yes\"" },
	{ "a word that they take for a number", "text: 1e3\n", "text: \"1e3\"" },
	{ "... in quotes", "text: '0x10'\n", "text: \"0x10\"" },
	{ "nothing in quotes is a text", "text: ''\n", "text: \"\"" },
	{ "null is a word", "text: null\n", "text: \"null\"" },
	{ "colon and blank", "text: 'a: b'\n", "text: \"a: b\"" },
	{ "colon within", "text: a:b\n", "text: a:b" },
	{ "a comment sign", "text: 'a #b'\n", "text: \"a #b\"" },
	{ "brackets", "text: '[a]'\n", "text: \"[a]\"" },
	{ "quote and backslash", "text: 'a\"\\b'\n", "text: \"a\\\"\\\\b\"" },
	{ "control characters", "text: \"a\\x01\\n\\t\\x7f\"\n", "text: \"a\\x01\\n\\t\\x7f\"" },
	{ "Japanese", "text: 東京\n", "text: \"東京\"" },
	{ "a line separator", "text: \"\\u2028\"\n", "text: \"\\u2028\"" },
	{ "beyond the first plane", "text: \"\\U0001F600\"\n", "text: \"\xf0\x9f\x98\x80\"" },
	{ "blanks at the ends", "text: ' a '\n", "text: \" a \"" },
	{ "several lines", "text: |\n  a\n  b\n", "text: \"a\\nb\\n\"" },
	{ "bool", "flag: no\n", "flag: false" },
	{ "bool in capitals", "flag: OFF\n", "flag: false" },
	{ "powers of 1000", "size: 20000MB\n", "size: 20GB" },
	{ "powers of 1024", "size: 65536KiB\n", "size: 64MiB" },
	{ "neither", "size: 1048577B\n", "size: 1048577B" },
	{ "joined duration", "duration: 1h30m\n", "duration: 90m" },
	{ "weeks", "duration: 2w\n", "duration: 14d" },
	{ "milliseconds", "duration: 250ms\n", "duration: 250ms" },
	{ "off", "duration: 0\n", "duration: 0" },
	{ "rate", "rate: 1 per day\n", "rate: 1 per day" },
	{ "host and port", "to: example.net:443\n", "to: example.net:443" },
	{ "IPv6 and port", "to: '[2001:db8::1]:443'\n", "to: \"[2001:db8::1]:443\"" },
	{ "secret", "secret: {file: /etc/x}\n", "secret: {file: /etc/x}" },
	{ "secret in the environment", "secret:\n  env: TOKEN\n", "secret: {env: TOKEN}" },
	{ "empty map", "map:\n", "  a: 1" },
	{ "map", "map: {b: 9}\n", "  b: 9" },
	{ "list", "texts: [a, 'b: c']\n", "  - \"b: c\"" },
	{ "empty list", "texts:\n", "texts: []" },
	{ "the tag last", "shapes: [{name: x, wait: 2s, type: pause}]\n", "    wait: 2s" },
	{ "a variant's default", "shapes: [{name: x, type: circle}]\n", "    radius: 7" },
	{ "short form", "dated: [a, {what: b}]\n", "  - b" },
	{ "long form", "dated: [{what: b, n: 4}]\n", "    n: 4" },
	{ "zone", "zone: UTC\n", "zone: UTC" },
};

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);
	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, line, n) == 0 && p[n] == '\n')
			return true;
	return false;
}

static void values(void **state)
{
	for (size_t i = 0; i < N_OF(good); i++) {
		print_message("%s\n", good[i].name);
		struct parsed *p = parse(good[i].text, strlen(good[i].text));
		if (p->code)
			print_message("%s\n", p->faults.v[0].text);
		assert_int_equal(p->code, 0);
		char *once = print(&p->v);
		if (!has_line(once, good[i].line))
			fail_msg("no line `%s` in\n%s", good[i].line, once);
		struct parsed *q = parse(once, strlen(once));
		assert_int_equal(q->code, 0);
		char *twice = print(&q->v);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
		done(p);
		done(q);
	}
}

static void defaults(void **state)
{
	struct parsed *p = parse("", 0);
	char *text = print(&p->v);
	assert_int_equal(p->code, 0);
	assert_string_equal(text, DEFAULTS);
	free(text);
	done(p);
}

static const struct {
	const char *name, *text;
	unsigned line;
	const char *want;
} bad[] = {
	{ "unknown key", "\nnubmer: 1\n", 2, "unknown key `nubmer` in the document, did you mean `number`?" },
	{ "far from all", "map: {xyzzy: 1}\n", 1, "unknown key `xyzzy` in `map`; expected one of: a b" },
	{ "twice", "flag: no\nname: a\nflag: no\n", 3, "`flag` a second time in the document; line 1 has it already" },
	{ "too small", "number: 0\n", 1, "`0` for `number`; expected 1 to 64" },
	{ "too big", "number: 65\n", 1, "`65` for `number`; expected 1 to 64" },
	{ "no number", "number: 1x\n", 1, "`1x` for `number`; expected a whole number" },
	{ "beyond 64 bits", "number: 99999999999999999999\n", 1,
		"`99999999999999999999` for `number`; expected a whole number" },
	{ "nothing", "number:\n", 1, "nothing for `number`; expected a whole number" },
	{ "list for a scalar", "number: [1]\n", 1, "a list for `number`; expected a whole number" },
	{ "size without a unit", "size: 20000000\n", 1,
		"`20000000` for `size`; expected a size with its unit such as 64MiB or 20GB" },
	{ "size too small", "size: 1kB\n", 1, "`1kB` for `size`; expected at least 1MiB" },
	{ "size beyond 64 bits", "size: 99999999TiB\n", 1,
		"`99999999TiB` for `size`; expected a size with its unit such as 64MiB or 20GB" },
	{ "duration without a unit", "duration: 90\n", 1,
		"`90` for `duration`; expected a duration with its unit such as 250ms, 10m or 7d" },
	{ "duration beyond 64 bits", "duration: 999999w\n", 1,
		"`999999w` for `duration`; expected a duration with its unit such as 250ms, 10m or 7d" },
	{ "rate", "rate: 30 per week\n", 1,
		"`30 per week` for `rate`; expected a rate such as `30 per hour` (second, minute, hour, day)" },
	{ "percent", "percent: 101%\n", 1, "`101%` for `percent`; expected a percentage such as 5%" },
	{ "bool", "flag: ture\n", 1, "`ture` for `flag`; expected true or false, did you mean `true`?" },
	{ "choice", "choice: grene\n", 1, "`grene` for `choice`; expected one of red, green, did you mean `green`?" },
	{ "port", "to: example.net\n", 1, "`example.net` for `to`; expected HOST:PORT or [IPV6]:PORT" },
	{ "port 0 of a peer", "to: a:0\n", 1, "`a:0` for `to`; expected HOST:PORT or [IPV6]:PORT" },
	{ "port 65536", "listen: a:65536\n", 1, "`a:65536` for `listen`; expected HOST:PORT or [IPV6]:PORT" },
	{ "bare IPv6", "to: 2001:db8::1:443\n", 1, "`2001:db8::1:443` for `to`; expected HOST:PORT or [IPV6]:PORT" },
	{ "name", "name: a b\n", 1,
		"`a b` for `name`; expected a name of at most 63 letters, digits, `.`, `_` and `-`" },
	{ "line", "line: \"a\\nb\"\n", 1, "`a\\x0ab` for `line`; expected a text without control characters" },
	{ "long line", "line: abcdefghi\n", 1, "`abcdefghi` for `line`; expected a text of at most 8 octets" },
	{ "zone", "zone: Asia/Tokio\n", 1,
		"`Asia/Tokio` for `zone`; expected a time zone of this system such as Asia/Tokyo" },
	{ "zone out of its folder", "zone: ../../../etc/passwd\n", 1,
		"`../../../etc/passwd` for `zone`; expected a time zone of this system such as Asia/Tokyo" },
	{ "secret", "secret: hunter2\n", 1,
		"a value itself for the secret `secret`; expected {file: PATH} or {env: NAME}" },
	{ "secret as a key", "secret: {hunter2: x}\n", 1,
		"an unknown key in the secret `secret`; expected file or env" },
	{ "secret as a path", "secret: {file: hunter2}\n", 1,
		"no path for the secret `secret`; expected one that begins with /" },
	{ "secret as a variable", "secret: {env: hunter-2}\n", 1,
		"no name of an environment variable for the secret `secret`; expected one such as TOKEN" },
	{ "secret twice", "secret: {env: A, file: /hunter2}\n", 1,
		"something else for the secret `secret`; expected {file: PATH} or {env: NAME}" },
	{ "scalar for a map", "map: 1\n", 1, "`1` for `map`; expected a map" },
	{ "scalar for a list", "texts: a\n", 1, "`a` for `texts`; expected a list" },
	{ "too many items", "texts: [a, b, c, d]\n", 1, "4 items for `texts`; expected at most 3" },
	{ "no type", "shapes:\n  - name: x\n", 2, "`type` is missing; expected one of circle|pause" },
	{ "no name", "shapes:\n  - type: pause\n", 2, "`name` is missing" },
	{ "key of another variant", "shapes: [{type: pause, name: x, radius: 1}]\n", 1,
		"unknown key `radius` in `shapes`; expected one of: type name wait" },
	{ "key that is no word", "? [a]\n: b\n", 1, "a list as a key in the document; expected a word" },
	{ "anchor", "name: &x a\n", 1, "an anchor (&) or alias (*); write the value out, or quote it" },
	{ "alias", "name: *x\n", 1, "an anchor (&) or alias (*); write the value out, or quote it" },
	{ "anchored map", "map: &m {a: 1}\n", 1, "an anchor (&) or alias (*); write the value out, or quote it" },
	{ "tag", "name: !!str a\n", 1, "a tag (!); write the value without, or quote it" },
	{ "merge key", "<<: {a: 1}\n", 1,
		"unknown key `<<` in the document; expected one of: text line name file zone number size percent "
		"duration rate flag choice secret to listen map texts shapes dated" },
	{ "second document", "name: a\n---\nname: b\n", 2, "a second document in the file; one is expected" },
	{ "list at the top", "- a\n", 1, "a list; expected a map at the top" },
	{ "text at the top", "a\n", 1, "a text; expected a map at the top" },
	{ "no YAML", "a: b: c\n", 1, "not YAML: mapping values are not allowed in this context" },
	{ "open quote", "name: 'a\n\n", 3, "not YAML: found unexpected end of stream" },
	{ "no UTF-8", "name: a\nline: \xff\n", 2, "not YAML: invalid leading UTF-8 octet" },
	{ "too deep", "a: [[[[[[[[[[[[1]]]]]]]]]]]]\n", 1, "maps and lists lie too deep in each other" },
	{ "escapes for a terminal", "name: \"\\e[31m\"\n", 1,
		"`\\x1b[31m` for `name`; expected a name of at most 63 letters, digits, `.`, `_` and `-`" },
};

static void faults(void **state)
{
	for (size_t i = 0; i < N_OF(bad); i++) {
		print_message("%s\n", bad[i].name);
		struct parsed *p = parse(bad[i].text, strlen(bad[i].text));
		assert_int_equal(p->code, -1);
		assert_string_equal(p->faults.v[0].text, bad[i].want);
		assert_int_equal(p->faults.v[0].line, bad[i].line);
		assert_int_equal(p->faults.n, 1);
		for (size_t k = 0; k < p->faults.n; k++)
			assert_null(strstr(p->faults.v[k].text, "hunter"));
		done(p);
	}
}

static void many_faults(void **state)
{
	char text[2048] = "";
	for (int i = 0; i < 30; i++)
		sprintf(text + strlen(text), "k%d: 1\n", i);
	struct parsed *p = parse(text, strlen(text));
	assert_int_equal(p->faults.n, YAML_FAULTS_MAX);
	assert_int_equal(p->faults.lost, 30 - YAML_FAULTS_MAX);
	assert_int_equal(p->faults.v[19].line, 20);
	done(p);
}

static void limits(void **state)
{
	char *big = malloc(YAML_SIZE_MAX + 1);
	memset(big, '#', YAML_SIZE_MAX + 1);
	struct parsed *p = parse(big, YAML_SIZE_MAX);
	assert_int_equal(p->code, 0);
	done(p);
	p = parse(big, YAML_SIZE_MAX + 1);
	assert_string_equal(p->faults.v[0].text, "larger than 1 MiB");
	done(p);
	memset(big, 'a', YAML_SIZE_MAX);
	memcpy(big, "text: ", 6);
	p = parse(big, 6 + YAML_SCALAR_MAX);
	assert_int_equal(p->code, 0);
	done(p);
	p = parse(big, 7 + YAML_SCALAR_MAX);
	assert_string_equal(p->faults.v[0].text, "a value is longer than 4096 octets");
	done(p);
	/* Many values, each small. */
	size_t n = (size_t)sprintf(big, "texts: [");
	while (n + 2 < YAML_SIZE_MAX)
		n += (size_t)sprintf(big + n, "1,");
	p = parse(big, n);
	assert_string_equal(p->faults.v[0].text, "the document has too many values");
	done(p);
	free(big);
}

/* Any text comes back through a document. */
static void texts_come_back(void **state)
{
	static const char *const pieces[] = { "a", "é", "東京", " ", ":", "#", "\n", "\t", "'", "\"", "\\", "-", "[",
		"{", "&", "*", "!", "%", "@", "\x01", "\x7f", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf",
		"\xef\xbf\xbe", "yes", "1e3", "~", "?", "|", ">", ",", "\xf0\x9f\x98\x80", "\r", "=", "0" };
	struct random r;
	random_init(&r, 4);
	for (int i = 0; i < 20000; i++) {
		struct all v = { 0 };
		char text[200] = "";
		for (uint64_t n = random_below(&r, 10); n; n--)
			strcat(text, pieces[random_below(&r, N_OF(pieces))]);
		yaml_defaults(&table, &v, *state);
		v.text = text;
		const char *list[] = { text, text };
		v.texts.v = list;
		v.texts.n = 2;
		char *once = print(&v);
		struct parsed *p = parse(once, strlen(once));
		if (p->code)
			fail_msg("%s\nin\n%s", p->faults.v[0].text, once);
		assert_string_equal(p->v.text, text);
		assert_string_equal(p->v.texts.v[1], text);
		free(once);
		done(p);
	}
}

static void note(void *arg, const char *path, unsigned touches)
{
	sprintf((char *)arg + strlen(arg), "%s %u;", path, touches);
}

static const struct {
	const char *name, *a, *b, *want;
} pairs[] = {
	{ "nothing", "", "number: 5\n", "" },
	{ "another way to say it", "size: 1000MB\n", "size: 1GB\n", "" },
	{ "a key", "choice: green\n", "", "choice 2;" },
	{ "of a map", "map: {a: 3}\n", "", "map.a 1;" },
	{ "with its own reach", "map: {b: 3}\n", "", "map.b 4;" },
	{ "an item", "shapes: [{type: circle, name: x}]\n", "shapes: [{type: circle, name: x, radius: 1}]\n",
		"shapes[x].radius 8;" },
	{ "one more", "shapes: []\n", "shapes: [{type: circle, name: x}]\n", "shapes 8;" },
	{ "another name", "shapes: [{type: circle, name: y}]\n", "shapes: [{type: circle, name: x}]\n", "shapes 8;" },
	{ "another type", "shapes: [{type: pause, name: x}]\n", "shapes: [{type: circle, name: x}]\n", "shapes 8;" },
	{ "without names", "dated: [{what: a, n: 1}]\n", "dated: [{what: a, n: 2}]\n", "dated[0].n 0;" },
	{ "scalars", "texts: [a]\n", "texts: [b]\n", "texts 0;" },
	{ "absent", "secret: {env: A}\n", "", "secret 0;" },
};

static void differences(void **state)
{
	for (size_t i = 0; i < N_OF(pairs); i++) {
		char out[200] = "";
		struct parsed *a = parse(pairs[i].a, strlen(pairs[i].a)), *b = parse(pairs[i].b, strlen(pairs[i].b));
		print_message("%s\n", pairs[i].name);
		assert_int_equal(a->code | b->code, 0);
		yaml_diff(&table, &a->v, &b->v, note, out);
		assert_string_equal(out, pairs[i].want);
		done(a);
		done(b);
	}
}

static void lines(void **state)
{
	static const char text[] = "map:\n  a: 3\ndated:\n- x\n- what: y\n";
	struct parsed *p = parse(text, strlen(text));
	assert_int_equal(yaml_line(p->pool, &p->v.map.a), 2);
	assert_int_equal(yaml_line(p->pool, &p->v.map.b), 0);
	assert_int_equal(yaml_line(p->pool, &p->v.dated.v[1].what), 5);
	done(p);
}

static void pages(void **state)
{
	static const char *const names[] = { "one", "two", "three", "four", NULL };
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);
	yaml_markdown(f, &table, names);
	yaml_mdoc(f, &table);
	fclose(f);
	assert_non_null(strstr(out, "| `map.b` | N | `2` |  | second | three |\n"));
	assert_non_null(strstr(out, "any \\| text"));
	assert_non_null(strstr(out, "| `shapes[].radius` (circle) | N | `7` | 0 to 9 | radius | four |\n"));
	assert_non_null(strstr(out, ".It Ic \"number\" Ar \"N\"\nnumber; default 5; 1 to 64.\n"));
	free(out);
}

static int make_pool(void **state)
{
	*state = yaml_pool_new();
	return 0;
}

static int drop_pool(void **state)
{
	yaml_pool_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(faults),
		cmocka_unit_test(many_faults),
		cmocka_unit_test(limits),
		cmocka_unit_test_setup_teardown(texts_come_back, make_pool, drop_pool),
		cmocka_unit_test(differences),
		cmocka_unit_test(lines),
		cmocka_unit_test(pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
