// SPDX-License-Identifier: Apache-2.0
/* size-ok: one table. Every key of the configuration: its type, default, limits, meaning, and what a change reaches. */
#include "role/config_impl.h"

#include "base/text.h"
#include "sensor/telescope/capture.h"

#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)
#define N_OF(a)	   (sizeof(a) / sizeof *(a))
#define DAY_NS	   ((int64_t)86400 * 1000000000)

const char *const config_reach_names[] = { "capture", "analysis", "keeper", "query", "alert", "forward", "collect",
	"metrics", "console", "the daemon", NULL };

/* ---- scalars that codec/ does not know ---- */

static int parse_prefix(const char *text, void *out, struct err *why)
{
	struct prefix p;
	struct err err = { "" };
	if (prefix_parse(text, &p, &err) < 0)
		return err_set(why, -1, "a prefix such as 192.0.2.0/24 (%.200s)", err.text);
	*(struct prefix *)out = p;
	return 0;
}

static void print_prefix(char *out, size_t size, const void *value)
{
	char text[ADDR_TEXT_MAX];
	snprintf(out, size, "%s", prefix_text(text, value));
}

static int parse_date(const char *text, void *out, int64_t open)
{
	int64_t s, ns;
	if (strcmp(text, "open") == 0) {
		*(int64_t *)out = open;
		return 0;
	}
	if (text_date(text, &s) < 0 || __builtin_mul_overflow(s, (int64_t)1000000000, &ns))
		return -1;
	*(int64_t *)out = ns;
	return 0;
}

static int parse_from(const char *text, void *out, struct err *why)
{
	return parse_date(text, out, INT64_MIN);
}

static int parse_to(const char *text, void *out, struct err *why)
{
	return parse_date(text, out, INT64_MAX);
}

static void print_date(char *out, size_t size, const void *value)
{
	char text[TEXT_TIME_MAX];
	int64_t ns = *(const int64_t *)value;
	if (ns == INT64_MIN || ns == INT64_MAX)
		snprintf(out, size, "open");
	else
		snprintf(out, size, "%.10s", text_time(text, ns));
}

static int parse_quiet(const char *text, void *out, struct err *why)
{
	struct config_quiet *q = out;
	unsigned h1, m1, h2, m2;
	int end = 0;
	*q = (struct config_quiet){ 0 };
	if (strcmp(text, "never") == 0)
		return 0;
	if (sscanf(text, "%2u:%2u-%2u:%2u%n", &h1, &m1, &h2, &m2, &end) != 4 || end != 11 || text[end] || h1 > 23 ||
		h2 > 23 || m1 > 59 || m2 > 59)
		return -1;
	*q = (struct config_quiet){ true, (uint16_t)(h1 * 60 + m1), (uint16_t)(h2 * 60 + m2) };
	return 0;
}

static void print_quiet(char *out, size_t size, const void *value)
{
	const struct config_quiet *q = value;
	if (q->set)
		snprintf(out, size, "%02u:%02u-%02u:%02u", q->from_min / 60, q->from_min % 60, q->to_min / 60,
			q->to_min % 60);
	else
		snprintf(out, size, "never");
}

static const struct yaml_own own_prefix = { "a prefix such as 192.0.2.0/24", "PREFIX", sizeof(struct prefix),
	parse_prefix, print_prefix };
static const struct yaml_own own_from = { "a date such as 2026-11-24, or open", "DATE", sizeof(int64_t), parse_from,
	print_date };
static const struct yaml_own own_to = { "a date such as 2026-11-24, or open", "DATE", sizeof(int64_t), parse_to,
	print_date };
static const struct yaml_own own_quiet = { "hours such as 22:00-07:00, or never", "HH:MM-HH:MM",
	sizeof(struct config_quiet), parse_quiet, print_quiet };

/* ---- the tables ---- */

#define TABLE(name, rows, type, ...)                                                                                   \
	static const struct yaml_table name = { rows, N_OF(rows), sizeof(type), __VA_ARGS__ }
#define PREFIX_LIST .item = YAML_OWN, .own = &own_prefix, .max = CONFIG_PREFIXES_MAX
#define SEVERITIES  .words = "info|low|medium|high"

/* Finding kinds in the order of enum finding_kind. */
#define KINDS                                                                                                          \
	"scan|scan-type|backscatter|amplification|icmp-quote|port-new|port-surge|own-watch|own-suspect|own-attacked"

/* Facilities by number; 9, 13 to 15 have no usual name. */
#define FACILITIES                                                                                                     \
	"kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|ntp|audit|alert|clock|local0|local1|local2" \
	"|local3|local4|local5|local6|local7"

#define IN(member) offsetof(struct config, network.member)
static const struct yaml_row network_rows[] = {
	{ "operator", YAML_CHOICE, IN(operator) - IN(operator), "self", .required = true,
		.words = "self|household|telecom",
		.help = "whose network this is: `self`: your own; `household`: you watch over homes; `telecom`: you "
			"carry "
			"other people's traffic, so collectors that tell about a subscriber need that subscriber's "
			"consent",
		.touches = CONFIG_DAEMON },
	{ "tenant", YAML_NAME, IN(tenant) - IN(operator), "default",
		.help = "whose findings these are, for sensors that don't say", .touches = CONFIG_DAEMON },
};
#undef IN
TABLE(network_table, network_rows, ((struct config *)0)->network);

#define IN(member) (AT(store.retention.member) - AT(store.retention))
#define KEPT(key, member, standard, what)                                                                              \
	{                                                                                                              \
		key, YAML_DURATION, IN(member), standard, .help = "how long " what " are kept; 0: for ever"            \
	}
static const struct yaml_row retention_rows[] = {
	KEPT("flows", flows_ns, "90d", "flows"),
	KEPT("sources", sources_ns, "90d", "records of sources"),
	KEPT("signals", signals_ns, "365d", "signals"),
	KEPT("findings", findings_ns, "0", "findings"),
	KEPT("gaps", gaps_ns, "0", "gaps"),
	KEPT("roll-ups", rollups_ns, "0", "sums of hours and days"),
	KEPT("subscriber", subscriber_ns, "180d", "the joins of addresses with subscribers"),
	{ "size", YAML_SIZE, IN(size), "0", .help = "octets of flows beyond which the oldest go; 0: no limit" },
};
#undef IN
TABLE(retention_table, retention_rows, ((struct config *)0)->store.retention);

#define IN(member) (AT(store.member) - AT(store))
static const struct yaml_row store_rows[] = {
	{ "directory", YAML_FILE, IN(directory),
		.help = "the store; without: /var/lib/sakimori for root, else ~/.local/share/sakimori",
		.touches = CONFIG_DAEMON },
	{ "retention", YAML_MAP, IN(retention), .table = &retention_table,
		.help = "how long what is kept; a legal hold beats all of it" },
	{ "reserve", YAML_SIZE, IN(reserve), "1GB",
		.help = "free disk that is left to the store and to others: the packet ring shrinks below its size for "
			"it" },
};
#undef IN
TABLE(store_table, store_rows, ((struct config *)0)->store);

#define IN(member) offsetof(struct darknet_dark, member)
static const struct yaml_row dark_rows[] = {
	{ "prefix", YAML_OWN, IN(prefix), .own = &own_prefix, .required = true,
		.help = "unused addresses; the prefix alone may stand for the map" },
	{ "from", YAML_OWN, IN(from_ns), "open", .own = &own_from, .help = "first day (UTC) on which they are unused" },
	{ "to", YAML_OWN, IN(to_ns), "open", .own = &own_to, .help = "first day (UTC) on which they no longer are" },
};
#undef IN
TABLE(dark_table, dark_rows, struct darknet_dark, .shorter = "prefix");

#define IN(member) (offsetof(struct config_sensor, signals.member) - offsetof(struct config_sensor, signals))
static const struct yaml_row signals_rows[] = {
	{ "min-destinations", YAML_NUMBER, IN(min_destinations), "5", .min = 1, .max = 16,
		.help = "dark addresses that one source must try" },
	{ "min-ports", YAML_NUMBER, IN(min_ports), "15", .min = 1, .max = 64,
		.help = "ports of one dark address that one source must try" },
};
#undef IN
TABLE(signals_table, signals_rows, ((struct config_sensor *)0)->signals);

#define IN(member) offsetof(struct config_sensor, member)
static const struct yaml_row sensor_rows[] = {
	{ "name", YAML_NAME, IN(name), "local", .help = "name in records; each sensor has its own" },
	{ "tenant", YAML_NAME, IN(tenant), .help = "whose it is; without: network.tenant" },
	{ "place", YAML_LINE, IN(place), .max = 127, .help = "where it stands, for people" },
	{ "interface", YAML_LINE, IN(interface), .min = 1, .max = 15,
		.help = "network interface that is listened on; without: none, only replays" },
	{ "dark", YAML_LIST, IN(dark), .item = YAML_MAP, .table = &dark_table, .max = CONFIG_PREFIXES_MAX,
		.help = "unused addresses; without: none, what comes is ordinary traffic",
		.touches = CONFIG_CAPTURE | CONFIG_ANALYSIS | CONFIG_KEEPER },
	{ "own", YAML_LIST, IN(own), PREFIX_LIST,
		.help = "live ranges of your own: their addresses are looked for among the sources",
		.touches = CONFIG_ANALYSIS },
	{ "workers", YAML_NUMBER, IN(workers), "1", .min = 1, .max = CAPTURE_WORKERS_MAX,
		.help = "threads, each with its ring and its share of the sources" },
	{ "ring", YAML_SIZE, IN(ring), "24MiB", .min = 1 << 20, .max = 4ull << 30, .help = "memory of each ring" },
	{ "snaplen", YAML_NUMBER, IN(snaplen), "0", .max = 262144,
		.help = "octets of each packet that are looked at; 0: all" },
	{ "promiscuous", YAML_BOOL, IN(promiscuous), "true", .help = "take frames that are addressed to others" },
	{ "unwrap", YAML_LIST, IN(unwrap), .item = YAML_CHOICE, .words = "gre|ipip", .max = 2,
		.help = "look into one level of these tunnels" },
	{ "signals", YAML_MAP, IN(signals), .table = &signals_table, .help = "thresholds of what is told at once" },
};
#undef IN
TABLE(sensor_table, sensor_rows, struct config_sensor, .named = "name");

#define IN(member) (AT(packets.member) - AT(packets))
static const struct yaml_row packets_rows[] = {
	{ "keep", YAML_BOOL, IN(keep), "true",
		.help = "keep packets to dark prefixes in a ring of files, as evidence for findings" },
	{ "age", YAML_DURATION, IN(age_ns), "7d", .min = 60000000000, .help = "how long" },
	{ "size", YAML_SIZE, IN(size), "20GB", .min = 16 << 20,
		.help = "octets of all files beyond which the oldest go" },
	{ "snaplen", YAML_NUMBER, IN(snaplen), "0", .max = 262144, .help = "octets of each packet; 0: all" },
};
#undef IN
TABLE(packets_table, packets_rows, ((struct config *)0)->packets);

#define IN(member) (AT(analysis.member) - AT(analysis))
#define PATHS	   .item = YAML_FILE, .max = 64
static const struct yaml_row analysis_rows[] = {
	{ "min-targets", YAML_NUMBER, IN(min_targets), "5", .min = 1, .max = UINT32_MAX,
		.help = "silent targets that make a scan" },
	{ "min-ports", YAML_NUMBER, IN(min_ports), "15", .min = 1, .max = 65536,
		.help = "ports of one target that make a scan" },
	{ "timeout", YAML_DURATION, IN(timeout_ns), "0",
		.help = "silence that ends an event in dark space, at least 1m; 0: by the size of the space" },
	{ "max-events", YAML_NUMBER, IN(max_events), "2097152", .min = 1024, .max = UINT32_MAX,
		.help = "events kept at once, about 1 KiB each; what finds no room is told" },
	{ "research", YAML_LIST, IN(research), PATHS,
		.help = "acknowledged research scanners: CSV prefix or suffix,organisation[,from[,to]], or MISP "
			"warning "
			"lists" },
	{ "names", YAML_LIST, IN(names), PATHS, .help = "reverse names that were looked up before: CSV address,name" },
	{ "owners", YAML_LIST, IN(owners), PATHS,
		.help = "owners of own addresses: CSV prefix,owner,contact[,from[,to]]" },
	{ "geo", YAML_LIST, IN(geo), PATHS,
		.help = "MMDB files, or folders of them, with country, place or AS; without: those of "
			"tools/fetch-geo" },
};
#undef IN
TABLE(analysis_table, analysis_rows, ((struct config *)0)->analysis);

#define IN(member) offsetof(struct config_header, member)
static const struct yaml_row header_rows[] = {
	{ "name", YAML_NAME, IN(name), .required = true, .help = "name of the header; a secret goes into `token`" },
	{ "value", YAML_LINE, IN(value), .required = true, .max = 1024, .help = "its value" },
};
#undef IN
TABLE(header_table, header_rows, struct config_header, .named = "name");

#define IN(member) offsetof(struct config_channel, member)
static const struct yaml_row channel_rows[] = {
	{ "type", YAML_CHOICE, IN(type), .required = true, .words = "mail|webhook|syslog", .help = "how it is sent" },
	{ "name", YAML_NAME, IN(name), .required = true, .help = "name that rules call it by" },
};
static const struct yaml_row mail_rows[] = {
	{ "server", YAML_LINE, IN(mail.server), .required = true, .min = 8, .max = 300,
		.help = "the relay: smtp://HOST[:PORT] or smtps://HOST[:PORT]" },
	{ "from", YAML_LINE, IN(mail.from), .required = true, .min = 3, .max = 254, .help = "address of the sender" },
	{ "to", YAML_LIST, IN(mail.to), .required = true, .item = YAML_LINE, .max = 64, .help = "addresses" },
	{ "user", YAML_LINE, IN(mail.user), .max = 254, .help = "name at the relay; without: no login" },
	{ "password", YAML_SECRET, IN(mail.password), .help = "its password" },
	{ "starttls", YAML_CHOICE, IN(mail.starttls), "required", .words = "required|try|off",
		.help = "whether smtp:// turns to TLS before anything is said" },
};
static const struct yaml_row webhook_rows[] = {
	{ "url", YAML_LINE, IN(webhook.url), .min = 8, .max = 2048, .help = "where to POST, http:// or https://" },
	{ "secret-url", YAML_SECRET, IN(webhook.secret_url),
		.help = "the same in place of `url`, for services whose address is the secret" },
	{ "headers", YAML_LIST, IN(webhook.headers), .item = YAML_MAP, .table = &header_table, .max = 32,
		.help = "more headers" },
	{ "token", YAML_SECRET, IN(webhook.token), .help = "sent as Authorization: Bearer TOKEN" },
	{ "format", YAML_CHOICE, IN(webhook.format), "json", .words = "json|text",
		.help = "`json`: the alert with all its fields; `text`: {\"text\": \"...\"} as chat services take it" },
};
static const struct yaml_row syslog_rows[] = {
	{ "facility", YAML_CHOICE, IN(syslog.facility), "daemon", .words = FACILITIES, .help = "facility of RFC 5424" },
	{ "address", YAML_LINE, IN(syslog.address), "/dev/log", .min = 2, .max = 300,
		.help = "path of a Unix socket, or udp://HOST:PORT" },
};
#undef IN
static const struct yaml_variant channel_variants[] = {
	{ mail_rows, N_OF(mail_rows) },
	{ webhook_rows, N_OF(webhook_rows) },
	{ syslog_rows, N_OF(syslog_rows) },
};
TABLE(channel_table, channel_rows, struct config_channel, .named = "name", .variants = channel_variants);

#define IN(member) (offsetof(struct config_rule, quiet.member) - offsetof(struct config_rule, quiet))
static const struct yaml_row quiet_rows[] = {
	{ "hours", YAML_OWN, IN(hours), "never", .own = &own_quiet,
		.help = "when nothing is sent, in `time-zone`; the hours alone may stand for the map" },
	{ "except", YAML_CHOICE, IN(except), "high", SEVERITIES,
		.help = "severity from which it is sent all the same" },
};
#undef IN
TABLE(quiet_table, quiet_rows, ((struct config_rule *)0)->quiet, .shorter = "hours");

#define IN(member)  offsetof(struct config_rule, member)
#define NAMES(most) .item = YAML_NAME, .max = most
static const struct yaml_row rule_rows[] = {
	{ "name", YAML_NAME, IN(name), .required = true, .help = "name in alerts" },
	{ "kinds", YAML_LIST, IN(kinds), .item = YAML_CHOICE, .words = KINDS, .max = 64,
		.help = "kinds of findings; without: all" },
	{ "min-severity", YAML_CHOICE, IN(min_severity), "low", SEVERITIES, .help = "least severity" },
	{ "min-confidence", YAML_NUMBER, IN(min_confidence), "50", .max = 100, .help = "least confidence, 0 to 100" },
	{ "tenants", YAML_LIST, IN(tenants), NAMES(64), .help = "only theirs; without: all" },
	{ "sensors", YAML_LIST, IN(sensors), NAMES(64), .help = "only of these; without: all" },
	{ "own", YAML_LIST, IN(own), PREFIX_LIST, .help = "only when the subject lies in these; without: anywhere" },
	{ "channels", YAML_LIST, IN(channels), NAMES(64), .help = "where to; without: all channels" },
	{ "digest", YAML_DURATION, IN(digest_ns), "0", .help = "gather for so long, then send one; 0: each at once" },
	{ "rate", YAML_RATE, IN(rate), "30 per hour", .min = 1,
		.help = "at most so many; the next that goes out tells how many did not" },
	{ "quiet", YAML_MAP, IN(quiet), .table = &quiet_table, .help = "quiet hours" },
};
#undef IN
TABLE(rule_table, rule_rows, struct config_rule, .named = "name");

#define IN(member) (AT(alerts.alarms.member) - AT(alerts.alarms))
static const struct yaml_row alarms_rows[] = {
	{ "silent", YAML_DURATION, IN(silent_ns), "10m", .help = "a sensor told nothing for so long; 0: off" },
	{ "withdrawn", YAML_DURATION, IN(withdrawn_ns), "1h",
		.help = "no packet reached a dark prefix for so long: its route is gone; 0: off" },
	{ "disk", YAML_PERCENT, IN(disk), "5%", .help = "less than this of the store's disk is free; 0: off" },
	{ "clock-offset", YAML_DURATION, IN(clock_offset_ns), "500ms",
		.help = "the clock is off by more, or is not synchronised; 0: off" },
	{ "role-restarts", YAML_RATE, IN(role_restarts), "5 per hour", .help = "a role ended more often; 0: off" },
	{ "channels", YAML_LIST, IN(channels), NAMES(64), .help = "where to; without: all channels" },
};
#undef IN
TABLE(alarms_table, alarms_rows, ((struct config *)0)->alerts.alarms);

#define IN(member) (AT(alerts.heartbeat.member) - AT(alerts.heartbeat))
static const struct yaml_row heartbeat_rows[] = {
	{ "url", YAML_LINE, IN(url), .min = 8, .max = 2048,
		.help = "fetched while all is well, so that somebody else notices when it stops; without: off" },
	{ "every", YAML_DURATION, IN(every_ns), "5m", .min = 1000000000, .max = DAY_NS, .help = "how often" },
};
#undef IN
TABLE(heartbeat_table, heartbeat_rows, ((struct config *)0)->alerts.heartbeat);

#define IN(member) (AT(alerts.limits.member) - AT(alerts.limits))
static const struct yaml_row limits_rows[] = {
	{ "rate", YAML_RATE, IN(rate), "120 per hour", .min = 1, .help = "of all channels together" },
	{ "pending", YAML_NUMBER, IN(pending), "1000", .min = 1, .max = 100000, .help = "alerts that wait to be sent" },
	{ "retry", YAML_DURATION, IN(retry_ns), "1d", .help = "how long sending is tried again" },
};
#undef IN
TABLE(limits_table, limits_rows, ((struct config *)0)->alerts.limits);

#define IN(member) (AT(alerts.member) - AT(alerts))
static const struct yaml_row alerts_rows[] = {
	{ "channels", YAML_LIST, IN(channels), .item = YAML_MAP, .table = &channel_table, .max = CONFIG_CHANNELS_MAX,
		.help = "ways out of the machine" },
	{ "rules", YAML_LIST, IN(rules), .item = YAML_MAP, .table = &rule_table, .max = CONFIG_RULES_MAX,
		.help = "which findings are sent where" },
	{ "alarms", YAML_MAP, IN(alarms), .table = &alarms_table,
		.help = "when something is wrong with the watch itself" },
	{ "heartbeat", YAML_MAP, IN(heartbeat), .table = &heartbeat_table, .help = "a sign of life" },
	{ "limits", YAML_MAP, IN(limits), .table = &limits_table, .help = "limits of all alerts" },
};
#undef IN
TABLE(alerts_table, alerts_rows, ((struct config *)0)->alerts);

#define TLS_FILES(part, whose)                                                                                         \
	{ "ca", YAML_FILE, AT(part.tls.ca) - AT(part), .help = "PEM certificates by which " whose " is known" },       \
		{ "certificate", YAML_FILE, AT(part.tls.certificate) - AT(part), .help = "own PEM certificate" },      \
	{                                                                                                              \
		"key", YAML_FILE, AT(part.tls.key) - AT(part), .help = "its private key"                               \
	}

#define IN(member) (AT(forward.spool.member) - AT(forward.spool))
static const struct yaml_row spool_rows[] = {
	{ "size", YAML_SIZE, IN(size), "1GB", .min = 16 << 20,
		.help = "octets of batches that wait for the collector; beyond them the newest become a gap" },
};
#undef IN
TABLE(spool_table, spool_rows, ((struct config *)0)->forward.spool);

#define IN(member) (AT(forward.member) - AT(forward))
static const struct yaml_row forward_rows[] = {
	{ "to", YAML_HOSTPORT, IN(to), .help = "the collector that gets all records; without: off" },
	TLS_FILES(forward, "the collector"),
	{ "spool", YAML_MAP, IN(spool), .table = &spool_table, .help = "what waits while the collector is away" },
};
#undef IN
TABLE(forward_table, forward_rows, ((struct config *)0)->forward);

#define IN(member) (AT(collect.member) - AT(collect))
static const struct yaml_row collect_rows[] = {
	{ "listen", YAML_HOSTPORT, IN(listen), "off", .words = "off",
		.help = "where sensors of other machines send to" },
	TLS_FILES(collect, "a sensor"),
	{ "revoked", YAML_FILE, IN(revoked), .help = "PEM revocation list: sensors that are no longer let in" },
};
#undef IN
TABLE(collect_table, collect_rows, ((struct config *)0)->collect);

#define IN(member) (AT(metrics.member) - AT(metrics))
static const struct yaml_row metrics_rows[] = {
	{ "listen", YAML_HOSTPORT, IN(listen), "127.0.0.1:9470", .words = "off",
		.help = "counters over HTTP in the text format of Prometheus, without login" },
	{ "allow-remote", YAML_BOOL, IN(allow_remote), "false",
		.help = "let `listen` be more than a loopback address" },
};
#undef IN
TABLE(metrics_table, metrics_rows, ((struct config *)0)->metrics);

#define IN(member) (AT(console.session.member) - AT(console.session))
static const struct yaml_row session_rows[] = {
	{ "idle", YAML_DURATION, IN(idle_ns), "30m", .min = 60000000000, .max = DAY_NS,
		.help = "without a call a session ends after so long" },
	{ "longest", YAML_DURATION, IN(longest_ns), "12h", .min = 60000000000, .max = 30 * DAY_NS,
		.help = "and after so long in any case" },
};
#undef IN
TABLE(session_table, session_rows, ((struct config *)0)->console.session);
#define IN(member) (AT(console.tls.member) - AT(console.tls))
static const struct yaml_row console_tls_rows[] = {
	{ "certificate", YAML_FILE, IN(certificate),
		.help = "PEM certificate, with those that lead to a known authority; without: one of its own in the "
			"store, made at the first start" },
	{ "key", YAML_FILE, IN(key), .help = "its private key" },
};
#undef IN
TABLE(console_tls_table, console_tls_rows, ((struct config *)0)->console.tls);

#define IN(member) (AT(console.member) - AT(console))
static const struct yaml_row console_rows[] = {
	{ "listen", YAML_HOSTPORT, IN(listen), "127.0.0.1:8443", .words = "off", .help = "pages over HTTPS" },
	{ "allow-remote", YAML_BOOL, IN(allow_remote), "false",
		.help = "let `listen` be more than a loopback address" },
	{ "session", YAML_MAP, IN(session), .table = &session_table, .help = "how long a login lasts" },
	{ "names", YAML_LIST, IN(names), .item = YAML_LINE, .max = 32,
		.help = "names and addresses by which browsers may ask for it, beside localhost, this machine's name "
			"and "
			"`listen`; other names are answered with 421" },
	{ "tls", YAML_MAP, IN(tls), .table = &console_tls_table, .help = "the certificate" },
};
#undef IN
TABLE(console_table, console_rows, ((struct config *)0)->console);

#define IN(member) offsetof(struct config_access, member)
static const struct yaml_row access_rows[] = {
	{ "user", YAML_NAME, IN(user), .required = true, .help = "user of the operating system" },
	{ "tenants", YAML_LIST, IN(tenants), NAMES(64), .help = "whose records; without: all tenants" },
	{ "rights", YAML_LIST, IN(rights), .item = YAML_CHOICE, .words = "see-subscriber|admin", .max = 2,
		.help = "`see-subscriber`: who is behind an address; `admin`: commands to the daemon" },
};
#undef IN
TABLE(access_table, access_rows, struct config_access, .named = "user");

static const struct yaml_row rows[] = {
	{ "network", YAML_MAP, AT(network), .table = &network_table, .help = "whose network is watched" },
	{ "language", YAML_CHOICE, AT(language), "en", .words = "en|ja", .help = "of alerts, reports and the console",
		.touches = CONFIG_ALERT | CONFIG_CONSOLE },
	{ "time-zone", YAML_ZONE, AT(time_zone),
		.help = "of what people read, and of the borders of days; without: Asia/Tokyo with `language: ja`, "
			"else UTC",
		.touches = CONFIG_DAEMON },
	{ "store", YAML_MAP, AT(store), .table = &store_table, .help = "what is kept", .touches = CONFIG_KEEPER },
	{ "sensors", YAML_LIST, AT(sensors), .item = YAML_MAP, .table = &sensor_table, .max = CONFIG_SENSORS_MAX,
		.one = true, .help = "who watches; without: one, named local, that listens on no interface",
		.touches = CONFIG_CAPTURE | CONFIG_ANALYSIS | CONFIG_KEEPER | CONFIG_ALERT },
	{ "packets", YAML_MAP, AT(packets), .table = &packets_table,
		.help = "packets as evidence, of dark prefixes only", .touches = CONFIG_CAPTURE | CONFIG_KEEPER },
	{ "analysis", YAML_MAP, AT(analysis), .table = &analysis_table, .help = "how findings are made",
		.touches = CONFIG_ANALYSIS },
	{ "alerts", YAML_MAP, AT(alerts), .table = &alerts_table, .help = "what leaves the machine by itself",
		.touches = CONFIG_ALERT },
	{ "forward", YAML_MAP, AT(forward), .table = &forward_table, .help = "records to a collector",
		.touches = CONFIG_FORWARD },
	{ "collect", YAML_MAP, AT(collect), .table = &collect_table, .help = "records from other machines",
		.touches = CONFIG_COLLECT },
	{ "metrics", YAML_MAP, AT(metrics), .table = &metrics_table, .help = "counters for monitoring",
		.touches = CONFIG_METRICS },
	{ "console", YAML_MAP, AT(console), .table = &console_table, .help = "the pages", .touches = CONFIG_CONSOLE },
	{ "access", YAML_LIST, AT(access), .item = YAML_MAP, .table = &access_table, .max = 256,
		.help = "who may ask the daemon for what, beside root and the user it runs as",
		.touches = CONFIG_QUERY | CONFIG_KEEPER | CONFIG_CONSOLE },
};
const struct yaml_table config_table = { rows, N_OF(rows), sizeof(struct config) };
