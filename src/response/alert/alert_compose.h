// SPDX-License-Identifier: Apache-2.0
/* From a finding, signal, alarm or collection to title, text and JSON. Pure. For use inside this folder. */
#pragma once
#include "response/alert/alert.h"

/* One of them; strings outside are raw. `id` is the subject of marks. */
struct alert_thing {
	const struct finding *finding;
	const struct signal *signal;
	const struct alert_alarm *alarm;
	const char *notice; /* name of a channel that failed; `why` and `attempts` belong to it */
	const char *test;   /* name of the channel */
	const char *why, *tenant;
	uint32_t attempts;
	const char *id, *message_id, *thread;
	char made[96]; /* room for a message id */
	enum alert_event event;
	enum alert_severity severity;
	int64_t since_ns, at_ns;
};

struct alert_view {
	enum alert_language language;
	const char *console_url, *host;
	int64_t offset_s;
};

/* Why things were collected: also the last part of their text's key. */
enum alert_reason { ALERT_DIGEST, ALERT_QUIET, ALERT_LIMITED };

/* One thing as a line of a collection. */
struct alert_line {
	char subject[ALERT_SUBJECT_MAX];
	char *title, *kind;
	enum alert_event event;
	enum alert_severity severity;
	int64_t since_ns;
};

/* Both texts are one line or lines of printable UTF-8; free(3) them. */
char *alert_compose_title(const struct alert_thing *t, enum alert_language language);
char *alert_compose_text(const struct alert_thing *t, const struct alert_view *v);
char *alert_compose_json(const struct alert_thing *t, const struct alert_view *v, const char *title, const char *text);
const char *alert_compose_kind(const struct alert_thing *t);

#define ALERT_LINES_SHOWN 50
struct alert_many {
	const struct alert_line *lines;
	size_t n;
	enum alert_reason reason;
	const char *message_id;
	enum alert_severity severity;
	int64_t at_ns;
};
char *alert_compose_many_title(const struct alert_many *m, enum alert_language language);
char *alert_compose_many_text(const struct alert_many *m, const struct alert_view *v);
char *alert_compose_many_json(const struct alert_many *m, const char *title, const char *text);
