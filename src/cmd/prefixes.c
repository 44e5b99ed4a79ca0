// SPDX-License-Identifier: Apache-2.0
#include "cmd/prefixes.h"

#include "base/idmap.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int date(const char *text, int64_t *ns, struct err *err)
{
	int64_t s;
	if (text_date(text, &s) < 0)
		return err_set(err, -1, "'%.40s' is not a date YYYY-MM-DD", text);
	/* Years before 1678 and behind 2261 stand for "always". */
	*ns = s < INT64_MIN / 1000000000 ? INT64_MIN : s > INT64_MAX / 1000000000 ? INT64_MAX : s * 1000000000;
	return 0;
}

/* One "PREFIX[,FROM[,TO]]"; cuts the text. */
static int one(struct prefixes *out, char *text, struct err *err)
{
	struct darknet_dark d = { .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	char *from = strchr(text, ','), *to = NULL;
	if (from) {
		*from++ = 0;
		to = strchr(from, ',');
		if (to)
			*to++ = 0;
	}
	if (prefix_parse(text, &d.prefix, err) < 0)
		return -1;
	if (from && *from && date(from, &d.from_ns, err) < 0)
		return -1;
	if (to && *to && date(to, &d.to_ns, err) < 0)
		return -1;
	if (d.to_ns <= d.from_ns)
		return err_set(err, -1, "'%.40s' ends before it begins", text);
	out->v = idmap_room(out->v, out->n + 1, &out->room, sizeof *out->v);
	out->v[out->n++] = d;
	return 0;
}

static char *trim(char *s)
{
	s[strcspn(s, "#\r\n")] = 0;
	s += strspn(s, " \t");
	for (size_t n = strlen(s); n && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		s[n - 1] = 0;
	return s;
}

static int from_file(struct prefixes *out, const char *path, struct err *err)
{
	char line[256];
	int number = 0, code = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(err, -1, "%.200s: %s", path, strerror(errno));
	while (code == 0 && fgets(line, sizeof line, f)) {
		number++;
		char *text = trim(line);
		if (*text && one(out, text, err) < 0)
			code = err_prefix(err, -1, "%.200s:%d", path, number);
	}
	if (code == 0 && ferror(f))
		code = err_set(err, -1, "%.200s: %s", path, strerror(errno));
	fclose(f);
	return code;
}

int prefixes_read(struct prefixes *out, const struct cli_list *list, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		char text[256];
		size_t before = out->n;
		if (list->v[i][0] == '@') {
			if (from_file(out, list->v[i] + 1, err) < 0)
				return -1;
			if (out->n == before)
				return err_set(err, -1, "%.200s: no prefix in it", list->v[i] + 1);
			continue;
		}
		snprintf(text, sizeof text, "%s", list->v[i]);
		if (one(out, trim(text), err) < 0)
			return -1;
	}
	return 0;
}
