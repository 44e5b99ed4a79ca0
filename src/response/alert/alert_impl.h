// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#pragma once
#include "base/idmap.h"
#include "response/alert/alert_compose.h"
#include "response/alert/alert_rule.h"
#include "response/alert/alert_send.h"

/* What is remembered of a subject at a channel. */
struct alert_entry {
	int64_t at_ns;
	uint8_t state;		 /* enum alert_state, 0: waits */
	uint8_t severity, event; /* as decided last */
	uint8_t told;		 /* the highest severity that went out */
};

/* Two generations: when the new one is full it becomes the old one, and the old one is forgotten. */
struct alert_memory {
	struct idmap map[2];
	struct alert_entry *entries[2];
	size_t room[2], max;
	uint64_t seed, forgotten;
};
void alert_memory_init(struct alert_memory *k, size_t max, uint64_t seed);
void alert_memory_fini(struct alert_memory *k);
/* NULL: unknown. The pointer holds until the next put. */
const struct alert_entry *alert_memory_get(struct alert_memory *k, const char *subject, const char *channel);
void alert_memory_put(struct alert_memory *k, const char *subject, const char *channel, const struct alert_entry *e);

/* A message that waits or is under way. */
struct alert_out {
	struct alert_out *next;
	char id[96], thread[96];
	char *title, *text, *json;
	struct alert_line *lines; /* what it tells of */
	size_t lines_n;
	enum alert_event event;
	enum alert_severity severity;
	bool collection;
	uint32_t attempts;
	int64_t at_ns, due_ns;
};

struct alert_chan {
	struct alert_channel c;
	struct alert_bucket bucket;
	struct alert_out *head, **tail, *flying;
	size_t waiting;
	uint64_t sent, failed;
	uint32_t failing;
	int64_t pause_ns; /* nothing is begun before */
	int64_t told_ns;  /* when others were told that it fails; 0: never */
	char error[256];
};

/* What one rule collects for one channel. */
struct alert_bundle {
	struct alert_line *lines;
	size_t n, room;
	enum alert_reason reason;
	int64_t due_ns;
	enum alert_severity severity; /* the highest */
};

struct alert {
	struct alert_params p; /* limits filled in; texts owned */
	struct alert_chan chans[ALERT_CHANNELS_MAX];
	size_t chans_n;
	struct alert_rule *rules; /* one more than p.rules_n: of alarms and of own messages */
	uint64_t *rule_channels;  /* bits */
	struct alert_bucket *rule_buckets, bucket;
	uint64_t alarm_channels;
	struct alert_bundle *bundles; /* rule * chans_n + channel */
	size_t bundles_used, waiting;
	struct alert_memory memory;
	struct alert_channel *send_channels;
	struct alert_send *send;
	struct alert_counts counts;
	int64_t now_ns, beat_ns, beat_told_ns;
	uint32_t beats_failing;
	char **owned; /* every text that was copied, wiped at the end */
	size_t owned_n, owned_room;
};

/* alert_setup.c: copies and checks. */
int alert_setup(struct alert *a, const struct alert_params *p, struct err *err) NODISCARD;
void alert_setup_free(struct alert *a);

/* alert_queue.c */
struct alert_view alert_queue_view(const struct alert *a, size_t channel, int64_t now_ns);
/* Sends at once, collects or drops, as rule and limits say. */
void alert_queue_offer(struct alert *a, size_t rule, size_t channel, const struct alert_thing *t);
/* Past rules and limits of rate. */
void alert_queue_push(struct alert *a, size_t channel, const struct alert_thing *t);
void alert_queue_done(void *arg, size_t channel, enum alert_result result, bool cut, const char *why);
void alert_queue_free(struct alert *a);
