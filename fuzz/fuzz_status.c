// SPDX-License-Identifier: Apache-2.0
/* Any bytes as pages: a right page with pieces written over it, {offset in 2 octets, length, octets}. What is shown of
 * it holds no control character, and the metrics end. */
#include "role/metricstext.h"

#include "base/err.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "supervisor", "capture:local", "keeper", "forward", "alert", "analysis" };

static void tame(const char *text, size_t size)
{
	ENSURE(memchr(text, 0, size));
	for (; *text; text++)
		ENSURE((unsigned char)*text >= 0x20 && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct status *s;
	static uint8_t raw[sizeof(struct counters)];
	struct status_finding f[STATUS_FINDINGS];
	struct counters *c = (void *)raw;
	if (!s)
		s = mem_new(sizeof *s);
	if (n < 2)
		return 0;
	memset(raw, 0, sizeof raw);
	c->magic = COUNTERS_MAGIC;
	c->size = sizeof *c;
	memcpy(c->build, SAKIMORI_VERSION, sizeof SAKIMORI_VERSION);
	for (size_t at = 2; at + 3 <= n;) {
		size_t to = ((size_t)data[at] << 8 | data[at + 1]) % sizeof raw, len = data[at + 2];
		at += 3;
		len = len > n - at ? n - at : len;
		len = len > sizeof raw - to ? sizeof raw - to : len;
		memcpy(raw + to, data + at, len);
		at += len;
	}
	memset(s, 0, sizeof *s);
	s->daemon = data[0] % 4;
	s->now_ns = INT64_C(1795564800000000000);
	if (status_parse(names[data[1] % 6], (struct bytes){ raw, sizeof raw }, &s->v[0]))
		return 0;
	s->n = 1;
	s->supervisor = s->v[0];
	tame(s->v[0].c.note, sizeof s->v[0].c.note);
	tame(s->v[0].c.last_end, sizeof s->v[0].c.last_end);
	size_t k = status_judge(s, NULL, f);
	for (size_t i = 0; i < k; i++)
		tame(f[i].text, sizeof f[i].text);
	char *text = NULL;
	FILE *out = open_memstream(&text, &n);
	metricstext_write(out, s);
	fclose(out);
	ENSURE(n > 7 && strcmp(text + n - 7, "\n# EOF\n") == 0);
	for (size_t i = 0; i < n; i++)
		ENSURE(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
	free(text);
	return 0;
}
