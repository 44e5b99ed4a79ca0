// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration of the daemon: one YAML file, all of it optional but network.operator. Without a file every key
 * has its default. man/sakimori.yaml.5 and docs/configuration.md are printed from the same table.
 *
 * Texts and lists belong to the configuration and are read only; NULL: absent. Lists keep the order of the file.
 * Sizes are octets, durations nanoseconds. Secrets are named, never held: config_secret_load().
 */
#pragma once
#include "analysis/darknet/darknet.h"
#include "codec/yaml.h"

#define CONFIG_SENSORS_MAX  64
#define CONFIG_CHANNELS_MAX 64
#define CONFIG_RULES_MAX    256
#define CONFIG_PREFIXES_MAX 4096 /* of one list */
#define CONFIG_SECRET_MAX   4096

enum config_operator { CONFIG_SELF, CONFIG_HOUSEHOLD, CONFIG_TELECOM };
enum config_language { CONFIG_EN, CONFIG_JA };
enum config_severity { CONFIG_INFO, CONFIG_LOW, CONFIG_MEDIUM, CONFIG_HIGH };
enum config_unwrap { CONFIG_GRE, CONFIG_IPIP };
enum config_channel_type { CONFIG_MAIL, CONFIG_WEBHOOK, CONFIG_SYSLOG };
enum config_starttls { CONFIG_STARTTLS_REQUIRED, CONFIG_STARTTLS_TRY, CONFIG_STARTTLS_OFF };
enum config_format { CONFIG_JSON, CONFIG_FORMAT_TEXT }; /* of a webhook's body: the alert, or {"text": "..."} */
enum config_right { CONFIG_SEE_SUBSCRIBER, CONFIG_ADMIN };

/* What a changed key reaches. Roles are restarted; CONFIG_DAEMON: nothing less than a restart of the daemon. */
enum config_reach {
	CONFIG_CAPTURE = 1 << 0,
	CONFIG_ANALYSIS = 1 << 1,
	CONFIG_KEEPER = 1 << 2,
	CONFIG_QUERY = 1 << 3,
	CONFIG_ALERT = 1 << 4,
	CONFIG_FORWARD = 1 << 5,
	CONFIG_COLLECT = 1 << 6,
	CONFIG_METRICS = 1 << 7,
	CONFIG_CONSOLE = 1 << 8,
	CONFIG_DAEMON = 1 << 9,
};
extern const char *const config_reach_names[]; /* by bit, ended by NULL */

/* Both are YAML_LIST_OF(). */
struct config_texts {
	const char **v;
	size_t n;
};
struct config_prefixes {
	struct prefix *v;
	size_t n;
};

struct config_sensor {
	const char *name, *tenant; /* tenant never NULL: network.tenant when the file says none */
	const char *place;	   /* NULL: not told */
	const char *interface;	   /* NULL: none, only replays */
	YAML_LIST_OF(struct darknet_dark) dark;
	struct config_prefixes own;
	uint64_t workers, ring, snaplen; /* ring: octets of each worker's; snaplen 0: whole packets */
	bool promiscuous;
	YAML_LIST_OF(int) unwrap; /* enum config_unwrap */
	struct {
		uint64_t min_destinations, min_ports;
	} signals;
};

struct config_header {
	const char *name, *value;
};

struct config_channel {
	int type; /* enum config_channel_type: which of the members below holds */
	const char *name;
	struct {
		const char *server; /* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
		const char *from, *user;
		struct config_texts to;
		struct yaml_secret password;
		int starttls;
	} mail;
	struct {
		const char *url;	       /* or */
		struct yaml_secret secret_url; /* when the address itself is the secret */
		YAML_LIST_OF(struct config_header) headers;
		struct yaml_secret token; /* Authorization: Bearer */
		int format;
	} webhook;
	struct {
		int facility;	     /* its number in RFC 5424 */
		const char *address; /* path of a Unix socket, or udp://HOST:PORT */
	} syslog;
};

struct config_quiet {
	bool set;
	uint16_t from_min, to_min; /* minutes of the day in time_zone; from > to: over midnight */
};

struct config_rule {
	const char *name;
	YAML_LIST_OF(int) kinds; /* enum finding_kind; of this and the following lists: none means all */
	int min_severity;
	uint64_t min_confidence; /* 0..100 */
	struct config_texts tenants, sensors, channels;
	struct config_prefixes own;
	int64_t digest_ns; /* 0: each at once */
	struct yaml_rate rate;
	struct {
		struct config_quiet hours;
		int except; /* severity that is sent in quiet hours all the same */
	} quiet;
};

struct config_access {
	const char *user; /* of the operating system */
	struct config_texts tenants;
	YAML_LIST_OF(int) rights; /* enum config_right */
};

struct config_peer_files {
	const char *ca, *certificate, *key;
};

struct config {
	struct {
		int operator; /* enum config_operator */
		const char *tenant;
	} network;
	int language;
	const char *time_zone;
	struct {
		const char *directory; /* NULL: the usual one */
		struct {
			int64_t flows_ns, sources_ns, signals_ns, findings_ns, gaps_ns, rollups_ns, subscriber_ns;
			uint64_t size; /* of the flow archive; here and above 0: no limit */
		} retention;
		uint64_t reserve;
	} store;
	YAML_LIST_OF(struct config_sensor) sensors;
	struct {
		bool keep;
		int64_t age_ns;
		uint64_t size, snaplen;
	} packets;
	struct {
		uint64_t min_targets, min_ports, max_events;
		int64_t timeout_ns; /* 0: by the size of the dark space */
		struct config_texts research, names, owners, geo;
	} analysis;
	struct {
		YAML_LIST_OF(struct config_channel) channels;
		YAML_LIST_OF(struct config_rule) rules;
		struct {
			int64_t silent_ns, withdrawn_ns, clock_offset_ns;
			uint64_t disk; /* percent that must be free */
			struct yaml_rate role_restarts;
			struct config_texts channels; /* none: all */
		} alarms;
		struct {
			const char *url; /* NULL: off */
			int64_t every_ns;
		} heartbeat;
		struct {
			struct yaml_rate rate; /* of all channels together */
			uint64_t pending;      /* alerts that wait */
			int64_t retry_ns;      /* how long one is tried */
		} limits;
	} alerts;
	struct {
		struct yaml_hostport to; /* host NULL: off */
		struct config_peer_files tls;
		struct {
			uint64_t size;
		} spool;
	} forward;
	struct {
		struct yaml_hostport listen; /* host NULL: off */
		struct config_peer_files tls;
		const char *revoked;
	} collect;
	struct {
		struct yaml_hostport listen; /* host NULL: off */
		bool allow_remote;
	} metrics;
	struct {
		struct yaml_hostport listen; /* host NULL: off */
		bool allow_remote;
		struct {
			int64_t idle_ns, longest_ns;
		} session;
		struct config_texts names; /* by which browsers may ask for it, beside those of this machine */
		struct {
			const char *certificate, *key; /* both or none */
		} tls;
	} console;
	YAML_LIST_OF(struct config_access) access;
	struct yaml_pool *pool;
};

enum config_error { CONFIG_BAD = -1 /* in the words of the file */, CONFIG_IO = -2 /* it can't be read */ };

/*
 * Reads a file; NULL: defaults alone. Returns 0 with *out, which the caller gives to config_free(), or an enum
 * config_error with *out NULL and at least one fault. Files that the configuration names are not opened.
 */
int config_read(struct config **out, const char *path, struct yaml_faults *faults) NODISCARD;

/* The same of a text in memory. */
int config_parse(struct config **out, struct bytes text, struct yaml_faults *faults) NODISCARD;
void config_free(struct config *c);

/* The configuration in force as YAML, without secrets; reading it gives the same. */
void config_print(FILE *out, const struct config *c);

/* The pages of reference: Markdown, and the list of the manual page in mdoc. */
void config_reference(FILE *out);
void config_manual(FILE *out);

/*
 * What changes when `b` takes the place of `a`: each key and its enum config_reach bits. Returns all bits together; 0:
 * nothing changed.
 */
unsigned config_diff(const struct config *a, const struct config *b,
	void (*changed)(void *arg, const char *path, unsigned reach), void *arg);

/*
 * Fetches a secret: from a regular file that not everybody may read (one line end behind it is left out), or from the
 * environment. Returns its length, or -1 with a reason that does not hold it. An empty one, one with control characters
 * and one of CONFIG_SECRET_MAX octets are refused. The caller wipes `out`.
 */
int config_secret_load(const struct yaml_secret *s, char out[CONFIG_SECRET_MAX], struct err *err) NODISCARD;
