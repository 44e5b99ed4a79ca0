// SPDX-License-Identifier: Apache-2.0
/* The capture files a command was given: all opened before the first is parsed, each with its fate told at the end. */
#pragma once
#include "base/cli.h"
#include "base/json.h"
#include "sensor/telescope/feed.h"

struct inputs_item {
	const char *path;
	struct input *in; /* NULL: could not be opened */
	bool failed;	  /* not opened, or no capture: exit code 3 */
	struct feed_file file;
};

struct inputs {
	struct inputs_item *items;
	size_t n, failed;
	bool progress; /* show it on the terminal */
};

/* Opens what can be opened and tells of the rest on stderr. */
void inputs_open(struct inputs *s, char **paths, int n, const struct input_options *o);
void inputs_close(struct inputs *s);

/* Feeds all in the order given and finishes. Cut and damaged files are told on stderr. */
void inputs_feed(struct inputs *s, struct feed *f);

/* CLI_DONE or CLI_FAILED. */
int inputs_exit(const struct inputs *s);

/* "truncated": [{file, offset, reason}] of cut, damaged and failed files; "drops" of their statistics blocks. */
void inputs_json(const struct inputs *s, struct json *j);
