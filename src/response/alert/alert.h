// SPDX-License-Identifier: Apache-2.0
/*
 * Alerts that reach people: findings, signals and alarms go by rules to channels (mail, webhook, syslog). Every channel
 * has its own queue and its own transfer, so that one slow relay holds up nobody else.
 *
 * What is promised: at least once, and once per channel and subject unless the process dies between a delivery and its
 * mark. The caller keeps the marks (struct alert_mark) and gives them back with alert_known() after a restart, before
 * it hands in the findings of the store again: then nothing is told twice, and what had not gone out goes out.
 *
 * Deciding is pure: `now_ns` comes with each call (UTC, since 1970), quiet hours follow `offset_s`. Nothing here logs;
 * texts about failures are in marks and in alert_channel_status(), without secrets.
 *
 * Order in a process: alert_global_init(), alert_new(), sandbox, then the rest. One thread calls. Name look-ups run in
 * threads that libcurl starts: see alert_send.h for the files and system calls.
 */
#pragma once
#include "model/addr.h"
#include "model/finding.h"
#include "model/signal.h"

#include <poll.h>

#define ALERT_SUBJECT_MAX  128 /* "32 hex digits", "signal:...", "alarm:KIND:SUBJECT" */
#define ALERT_NAME_MAX	   64
#define ALERT_CHANNELS_MAX 64
#define ALERT_RULES_MAX	   256
#define ALERT_SECOND	   ((int64_t)1000000000)

enum alert_language { ALERT_LANGUAGE_DEFAULT, ALERT_EN, ALERT_JA };
enum alert_severity { ALERT_INFO, ALERT_LOW, ALERT_MEDIUM, ALERT_HIGH, ALERT_SEVERITY_N };
enum alert_channel_type { ALERT_MAIL, ALERT_WEBHOOK, ALERT_SYSLOG };
enum alert_tls { ALERT_TLS_REQUIRED, ALERT_TLS_TRY, ALERT_TLS_OFF };

/* `count` in `per_ns` (0: an hour), at most `burst` at once (0: as many as count). count 0: no limit. */
struct alert_rate {
	uint64_t count, burst;
	int64_t per_ns;
};

/* Texts are copied by alert_new(); NULL or 0 stands for the default or "none". */
struct alert_channel {
	const char *name; /* unique; letters, digits, '.', '-', '_' */
	enum alert_channel_type type;
	enum alert_language language;
	struct alert_rate rate;

	/*
	 * Mail: smtp://HOST[:PORT] or smtps://...; webhook: http:// or https://, taken as a secret; no user or password
	 * in them. Syslog: the path of a Unix datagram socket (NULL: /dev/log) or udp://HOST:PORT, resolved once.
	 */
	const char *url;
	const char *ca_file; /* PEM, instead of the system's */

	enum alert_tls tls; /* mail, smtp://: STARTTLS */
	const char *from;   /* address, plain ASCII */
	const char *const *to;
	size_t to_n;
	const char *user, *password; /* password: secret */

	const char *token;    /* webhook, secret: "Authorization: Bearer" */
	const char *hmac_key; /* webhook, secret: signs the body (docs/alerts.md) */

	const char *const *headers; /* webhook: "Name: value"; values are taken as secrets */
	size_t headers_n;
	bool text_only; /* webhook: the body is {"text": "..."} */

	uint8_t facility; /* syslog, 1..23; 0: 10 (security) */
};

/* Local time of day in minutes, [from, to), over midnight when from > to; equal: none. */
struct alert_quiet {
	uint16_t from_min, to_min;
	enum alert_severity except; /* this severity and above goes out all the same */
	bool on;
};

/* A finding must fit everything that is set. It goes to each channel at most once: by the first rule that names it. */
struct alert_rule {
	const char *name;
	uint32_t kinds; /* bits by enum finding_kind; 0: all */
	enum alert_severity min_severity;
	uint8_t min_confidence;			     /* findings only: signals have none */
	const char *const *tenants, *const *sensors; /* of these and `own`: none means all */
	size_t tenants_n, sensors_n;
	const struct prefix *own; /* the subject's address lies in one of them */
	size_t own_n;
	bool signals;		     /* signals as well as findings */
	bool no_findings;	     /* signals alone */
	const char *const *channels; /* names */
	size_t channels_n;
	struct alert_quiet quiet; /* held back and told as one message at its end */
	struct alert_rate rate;	  /* what is over goes into one message "N more" */
	int64_t digest_ns;	  /* collect for so long, then one message; 0: at once */
	int64_t repeat_ns;	  /* tell a finding that goes on again after so long; 0: only when severity rises */
};

struct alert_heartbeat {
	const char *url;   /* NULL: none. http:// or https:// */
	const char *token; /* secret: "Authorization: Bearer" */
	int64_t every_ns;  /* at least a second; 0: 5 minutes */
	bool post;	   /* POST with an empty body instead of GET */
};

struct alert_limits {
	size_t queue_max; /* messages and collected items that wait; 0: 10,000. Beyond: dropped, marked, counted */
	size_t known_max; /* subjects remembered per generation of two; 0: 65,536 */
	int64_t retry_ns; /* how long a message is tried; 0: 24 h */
	struct alert_rate rate; /* of all channels together */
	int64_t backoff_ns;	/* before the second attempt; doubles; 0: 30 s */
	int64_t backoff_max_ns; /* 0: 1 h */
	int64_t timeout_ns;	/* of one transfer; 0: 30 s */
};

/* What happened to a subject at a channel: goes to the store, and comes back after a restart. */
enum alert_state { ALERT_SENT = 1, ALERT_DIGESTED, ALERT_FAILED, ALERT_DROPPED, ALERT_STATE_N };
enum alert_event { ALERT_NEW, ALERT_UPDATE, ALERT_RAISED, ALERT_REMINDED, ALERT_CLEARED, ALERT_TEST, ALERT_NOTICE };
struct alert_mark {
	char subject[ALERT_SUBJECT_MAX]; /* the finding's id, or see ALERT_SUBJECT_MAX */
	char channel[ALERT_NAME_MAX];
	enum alert_state state;
	enum alert_event event;
	enum alert_severity severity;
	int64_t since_ns, at_ns; /* of the thing itself; of the mark */
	char text[256];		 /* reason of a failure, else empty; printable */
};
const char *alert_state_name(enum alert_state s);
const char *alert_event_name(enum alert_event e);
const char *alert_severity_name(enum alert_severity s);
/* "high" to ALERT_HIGH; -1: no such word. */
int alert_severity_of(const char *name);

/* One message as it goes out. Lives during the call. */
struct alert_message {
	const char *channel;
	enum alert_event event;
	enum alert_severity severity;
	const char *id;	    /* the same when the same message is made again */
	const char *thread; /* the id of the subject's first message; equal to `id` for that one */
	const char *title;  /* one line, printable */
	const char *text;   /* lines, printable */
	const char *json;   /* the object of docs/alerts.md */
	int64_t at_ns;
	uint32_t subjects; /* how many it tells of */
};
enum alert_result { ALERT_DELIVERED, ALERT_RETRY, ALERT_REFUSED };

struct alert_params {
	const struct alert_channel *channels;
	size_t channels_n;
	const struct alert_rule *rules;
	size_t rules_n;
	const char *const *alarm_channels; /* names; alarms know no quiet hours */
	size_t alarm_channels_n;
	struct alert_heartbeat heartbeat;
	struct alert_limits limits;
	enum alert_language language; /* default English */
	const char *console_url;      /* "https://...": findings are below it at /findings/ID. NULL: no links */
	const char *store_id;	      /* makes message ids unique; NULL: "local" */
	const char *host;	      /* name of this machine in syslog and texts; NULL: "sakimori" */
	int64_t (*offset_s)(void *arg, int64_t ns);	     /* seconds east of UTC; NULL: zone_offset_s() */
	void (*mark)(void *arg, const struct alert_mark *m); /* may be NULL */
	/* Delivers in place of the network: for tests and for explaining. `why` takes the reason of a failure. */
	enum alert_result (*deliver)(void *arg, const struct alert_message *m, char why[256]);
	void *arg;
};

/* libcurl and GnuTLS, before threads and before sealing. Returns 0, -1 with the reason. */
int alert_global_init(struct err *err) NODISCARD;

struct alert; /* opaque */

/* Returns NULL when something in the parameters is off: `err` names it, never a secret. */
struct alert *alert_new(const struct alert_params *p, struct err *err) NODISCARD;

/* Ends transfers that are under way (their subjects stay unmarked) and wipes the secrets. */
void alert_free(struct alert *a);

/* A mark from before the restart. Marks in order of at_ns. */
void alert_known(struct alert *a, const struct alert_mark *m);

/* Decides and queues; returns for how many channels something was queued or collected. `tenant` may be NULL. */
unsigned alert_finding(struct alert *a, const struct finding *f, const char *tenant, int64_t now_ns);
unsigned alert_signal(struct alert *a, const struct signal *s, const char *tenant, int64_t now_ns);

/* What is wrong with the system itself. */
enum alert_alarm_kind {
	ALARM_SILENT_SENSOR,
	ALARM_WITHDRAWN_PREFIX,
	ALARM_DISK_LOW,
	ALARM_DISK_FULL,
	ALARM_CLOCK_UNSYNCHRONISED,
	ALARM_CLOCK_OFFSET,
	ALARM_ROLE_DYING,
	ALARM_LINK_DOWN,
	ALARM_SPOOL_FULL,
	ALARM_KEEPER_BEHIND,
	ALARM_CERTIFICATE_EXPIRING,
	ALARM_KIND_N
};
enum alert_unit { ALERT_COUNT, ALERT_PERMILLE, ALERT_DURATION_NS, ALERT_TIME_NS, ALERT_OFFSET_NS };
struct alert_alarm {
	enum alert_alarm_kind kind;
	enum alert_event event; /* ALERT_RAISED, ALERT_REMINDED, ALERT_CLEARED */
	char subject[96];	/* sensor, "SENSOR PREFIX", path, role, ... */
	int64_t since_ns;	/* when it began; of a cleared one too */
	int64_t value, limit;	/* in the kind's unit */
};
const char *alert_alarm_name(enum alert_alarm_kind k);
enum alert_unit alert_alarm_unit(enum alert_alarm_kind k);
enum alert_severity alert_alarm_severity(enum alert_alarm_kind k);
unsigned alert_alarm(struct alert *a, const struct alert_alarm *alarm, int64_t now_ns);

/* A test message to one channel, past all rules. Returns 0, -1 when there is no such channel. */
int alert_test(struct alert *a, const char *channel, int64_t now_ns) NODISCARD;

/* Drives transfers and everything that is due. Call when a descriptor is ready or alert_due() has come. */
void alert_poll(struct alert *a, int64_t now_ns);

/* When alert_poll() is wanted next without anything happening; INT64_MAX: never. */
int64_t alert_due(const struct alert *a, int64_t now_ns);

/* The descriptors to wait for, at most `max`; returns how many. They change with every alert_poll(). */
size_t alert_fds(const struct alert *a, struct pollfd *out, size_t max);

/* Messages and items that wait or are under way. */
size_t alert_waiting(const struct alert *a);

struct alert_counts {
	uint64_t queued, sent, retried, failed, dropped; /* messages; dropped: subjects */
	uint64_t matched, suppressed;			 /* subjects times channels: decided to be told, told before */
	uint64_t digested, quiet, limited;		 /* collected, and why */
	uint64_t forgotten;				 /* generations of known subjects given up */
	uint64_t heartbeats, heartbeats_failed;
	uint64_t oversize; /* answers cut at 64 KiB */
};
struct alert_counts alert_counts(const struct alert *a);

struct alert_status {
	const char *name;
	enum alert_channel_type type;
	uint64_t sent, failed, waiting;
	uint32_t failing; /* attempts in a row without success */
	char error[256];  /* of the last attempt that failed */
};
/* Of channel `i`; false behind the last. */
bool alert_channel_status(const struct alert *a, size_t i, struct alert_status *out);
