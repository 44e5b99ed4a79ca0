// SPDX-License-Identifier: Apache-2.0
#include "cmd/inputs.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void tell(const char *text)
{
	char safe[1024];
	fprintf(stderr, "sakimori: %s\n", text_escape(safe, sizeof safe, text, strlen(text)));
}

void inputs_open(struct inputs *s, char **paths, int n, const struct input_options *o)
{
	struct rlimit files;
	*s = (struct inputs){ .n = (size_t)n, .progress = isatty(2) };
	s->items = mem_new((size_t)n * sizeof *s->items);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < s->n; i++) {
		struct inputs_item *it = &s->items[i];
		struct err err = { "" };
		it->path = paths[i];
		if (input_open(&it->in, paths[i], o, &err) == INPUT_OK)
			continue;
		tell(err.text);
		it->failed = it->file.truncated = true;
		snprintf(it->file.reason, sizeof it->file.reason, "%s", err.text);
		s->failed++;
	}
}

void inputs_close(struct inputs *s)
{
	for (size_t i = 0; i < s->n; i++)
		input_close(s->items[i].in);
	free(s->items);
	*s = (struct inputs){ 0 };
}

static bool show_progress(void *arg, uint64_t offset)
{
	static uint64_t last;
	const struct inputs_item *it = arg;
	char name[256];
	if (offset < last || offset - last > (64u << 20)) {
		last = offset;
		fprintf(stderr, "\r%s: %llu MB\033[K", text_escape(name, sizeof name, it->path, strlen(it->path)),
			(unsigned long long)(offset >> 20));
	}
	return true;
}

void inputs_feed(struct inputs *s, struct feed *f)
{
	for (size_t i = 0; i < s->n; i++) {
		struct inputs_item *it = &s->items[i];
		char text[1024];
		if (!it->in)
			continue;
		if (feed_file(f, it->in, &it->file, s->progress ? show_progress : NULL, it) < 0) {
			it->failed = true;
			s->failed++;
		}
		if (s->progress)
			fputs("\r\033[K", stderr);
		if (it->file.truncated) {
			snprintf(text, sizeof text, "%s: at byte %llu: %s", it->path,
				(unsigned long long)it->file.offset, it->file.reason);
			tell(text);
		}
		input_close(it->in);
		it->in = NULL;
	}
	feed_finish(f);
}

int inputs_exit(const struct inputs *s)
{
	return s->failed ? CLI_FAILED : CLI_DONE;
}

void inputs_json(const struct inputs *s, struct json *j)
{
	uint64_t drops = 0, oddities = 0;
	json_array(j, "truncated");
	for (size_t i = 0; i < s->n; i++) {
		const struct inputs_item *it = &s->items[i];
		drops += it->file.drops;
		oddities += it->file.oddities;
		if (!it->file.truncated)
			continue;
		json_object(j, NULL);
		json_str(j, "file", it->path);
		json_u64(j, "offset", it->file.offset);
		json_str(j, "reason", it->file.reason);
		json_end(j, '}');
	}
	json_end(j, ']');
	json_u64(j, "drops", drops);
	json_u64(j, "oddities", oddities);
}
