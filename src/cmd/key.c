// SPDX-License-Identifier: Apache-2.0
#include "cmd/key.h"

#include "base/json.h"
#include "base/text.h"
#include "cmd/auditing.h"
#include "cmd/bundle.h"
#include "cmd/run.h"
#include "store/keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct key_options {
	struct cli_list hosts;
	const char *serial, *output, *to;
};

static const struct cli_option host_options[] = {
	{ "host", 0, CLI_LIST, CLI_FIELD(struct key_options, hosts), "NAME",
		"name or address in the certificates of collect and console; repeatable (default: those of the "
		"certificate before, else localhost and this host)" },
};

static const struct cli_option serial_options[] = {
	{ "serial", 0, CLI_TEXT, CLI_FIELD(struct key_options, serial), "HEX",
		"only the certificate of this serial number" },
};

static const struct cli_option issue_options[] = {
	{ "output", 'o', CLI_TEXT, CLI_FIELD(struct key_options, output), "DIR",
		"directory to make for the sensor's files, or a name that ends in .tar for one archive" },
	{ "to", 0, CLI_TEXT, CLI_FIELD(struct key_options, to), "HOST:PORT",
		"collector that forward.yaml names (default: collector.example.net:4739)" },
};

static int64_t now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static struct keys *open_keys(const struct cli_global *g, enum keys_mode mode)
{
	struct err err = { "" };
	keys_guard();
	const char *dir = run_store_dir(g);
	if (!dir)
		return NULL;
	struct keys *k = keys_open(dir, mode, now_s(), NULL, &err);
	if (!k)
		fprintf(stderr, "sakimori: %s\n", err.text);
	return k;
}

/* Ends a command: tells a failure. */
static int finish(struct keys *k, int rc, const struct err *err)
{
	keys_close(k);
	if (rc < 0)
		fprintf(stderr, "sakimori: %s\n", err->text);
	return rc == -KEYS_ABSENT ? CLI_NEGATIVE : rc < 0 ? CLI_FAILED : CLI_DONE;
}

static int usage(const char *text)
{
	fprintf(stderr, "sakimori: %s\n", text);
	return CLI_USAGE;
}

static int parse_kind(const char *word, bool sensor, enum keys_kind *out)
{
	if (keys_kind_parse(word, out) == 0 && (sensor || *out != KEYS_SENSOR))
		return 0;
	fprintf(stderr, "sakimori: no kind of key '%s'; kinds: ca collect console evidence policy%s\n", word,
		sensor ? " sensor" : "");
	return -1;
}

static int hosts_of(const struct cli_list *list, struct keys_hosts *out)
{
	out->n = 0;
	for (size_t i = 0; i < list->n; i++) {
		const char *host = list->v[i];
		size_t n = strlen(host);
		bool good = n > 0 && n < KEYS_HOST_SIZE && out->n < KEYS_HOSTS_MAX;
		for (size_t c = 0; c < n; c++)
			good = good && (isalnum((unsigned char)host[c]) || strchr(".:-*", host[c]));
		if (!good) {
			fprintf(stderr, "sakimori: --host takes up to %d names and addresses, '%s' is none\n",
				KEYS_HOSTS_MAX, host);
			return -1;
		}
		memcpy(out->v[out->n++], host, n + 1);
	}
	return 0;
}

/* ---- list ---- */

struct lister {
	bool json;
	struct json j;
	int64_t now_s;
	unsigned warned;
};

static void time_or_null(struct json *j, const char *key, int64_t s)
{
	if (s)
		json_time(j, key, s * 1000000000);
	else
		json_null(j, key);
}

static void info_json(struct json *j, const struct keys_info *i)
{
	json_object(j, NULL);
	json_str(j, "kind", keys_kind_name(i->kind));
	json_str(j, "name", i->name);
	json_str(j, "state", keys_state_name(i->state));
	json_time(j, "from", i->from_s * 1000000000);
	json_time(j, "to", i->to_s * 1000000000);
	time_or_null(j, "retired", i->retired_s);
	time_or_null(j, "revoked", i->revoked_s);
	json_bool(j, "expires_soon", i->soon);
	json_str(j, "serial", i->serial);
	json_str(j, "id", i->id);
	json_end(j, '}');
	json_line(j);
}

static int list_one(void *arg, const struct keys_info *i)
{
	struct lister *l = arg;
	char name[256], from[TEXT_TIME_MAX], to[TEXT_TIME_MAX];
	long long days = (long long)((i->to_s - l->now_s) / 86400);
	/* A sensor may have a newer certificate: its old one that ends is no news, but nobody here knows. */
	bool ended = i->state == KEYS_EXPIRED && !i->retired_s;
	l->warned += i->soon || ended;
	text_escape(name, sizeof name, i->name, strlen(i->name));
	if (i->soon)
		fprintf(stderr, "sakimori: warning: %s %s ends in %lld days (%s)\n", keys_kind_name(i->kind), name,
			days, i->serial);
	if (ended)
		fprintf(stderr, "sakimori: warning: %s %s has ended (%s)\n", keys_kind_name(i->kind), name, i->serial);
	if (l->json) {
		info_json(&l->j, i);
		return 0;
	}
	printf("%-8s  %-20s  %-7s  %.10s  %.10s  %s  %.16s\n", keys_kind_name(i->kind),
		i->kind == KEYS_SENSOR ? name : "-", keys_state_name(i->state), text_time(from, i->from_s * 1000000000),
		text_time(to, i->to_s * 1000000000), i->serial, i->id);
	return 0;
}

static int key_list(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct err err = { "" };
	struct keys *k = open_keys(g, KEYS_READ);
	if (!k)
		return CLI_FAILED;
	struct lister l = { .json = g->json, .now_s = now_s() };
	json_init(&l.j, stdout);
	if (!g->json)
		printf("%-8s  %-20s  %-7s  %-10s  %-10s  %-32s  %s\n", "KIND", "NAME", "STATE", "FROM", "TO", "SERIAL",
			"ID");
	return finish(k, keys_each(k, list_one, &l, &err), &err);
}

/* ---- make, rotate, revoke ---- */

static int key_make(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct key_options *o = options;
	struct err err = { "" };
	struct keys_hosts hosts;
	if (hosts_of(&o->hosts, &hosts))
		return CLI_USAGE;
	struct keys *k = open_keys(g, KEYS_WRITE);
	if (!k)
		return CLI_FAILED;
	int rc = keys_make(k, &hosts, &err), code = finish(k, rc, &err);
	if (rc >= 0 && !g->quiet)
		fprintf(stderr, rc ? "sakimori: made %d keys\n" : "sakimori: all keys are there\n", rc);
	if (rc > 0)
		auditing_note(g, "key make", "missing keys");
	return code;
}

static int key_rotate(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct key_options *o = options;
	struct err err = { "" };
	struct keys_hosts hosts;
	enum keys_kind kind;
	if (parse_kind(argv[0], false, &kind) || hosts_of(&o->hosts, &hosts))
		return CLI_USAGE;
	struct keys *k = open_keys(g, KEYS_WRITE);
	if (!k)
		return CLI_FAILED;
	int rc = keys_rotate(k, kind, &hosts, &err), code = finish(k, rc, &err);
	if (!rc)
		auditing_note(g, "key rotate", argv[0]);
	if (!rc && !g->quiet)
		fprintf(stderr, "sakimori: %s has a new key; the old one is retired%s\n", argv[0],
			kind == KEYS_CA ? "; sensors need new bundles before collect is rotated, see docs/keys.md"
			: kind == KEYS_COLLECT ? "; in force when the daemon reloads"
					       : "");
	return code;
}

static void tell_revoked(enum keys_kind kind, int n)
{
	if (n == 0)
		fputs("sakimori: was revoked before\n", stderr);
	if (n > 0)
		fprintf(stderr, "sakimori: certificates revoked: %d%s\n", n,
			kind == KEYS_SENSOR    ? "; collect reads the list when the daemon reloads"
			: kind == KEYS_CA      ? "; sensors need new bundles, see docs/keys.md"
			: kind == KEYS_COLLECT ? "; the new key is in force when the daemon reloads"
					       : "; there is a new key");
}

static int key_revoke(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct key_options *o = options;
	struct err err = { "" };
	enum keys_kind kind;
	char subject[256];
	if (parse_kind(argv[0], true, &kind))
		return CLI_USAGE;
	if ((kind == KEYS_SENSOR) != (argc == 2))
		return usage(argc == 2 ? "only sensors have names" : "whose certificate: sensor NAME");
	struct keys *k = open_keys(g, KEYS_WRITE);
	if (!k)
		return CLI_FAILED;
	int rc = keys_revoke(k, kind, argc == 2 ? argv[1] : NULL, o->serial, &err), code = finish(k, rc, &err);
	if (rc > 0) {
		int n = snprintf(subject, sizeof subject, "%s ", argv[0]);
		text_escape(subject + n, sizeof subject - (size_t)n, argc == 2 ? argv[1] : "",
			argc == 2 ? strlen(argv[1]) : 0);
		auditing_note(g, "key revoke", subject);
	}
	if (!g->quiet)
		tell_revoked(kind, rc);
	return code;
}

/* ---- show, issue ---- */

static int key_show(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct key_options *o = options;
	struct err err = { "" };
	struct keys_pem pem = { 0 };
	enum keys_kind kind = KEYS_CA;
	bool crl = strcmp(argv[0], "crl") == 0, trust = strcmp(argv[0], "trust") == 0;
	if (!crl && !trust && parse_kind(argv[0], true, &kind))
		return CLI_USAGE;
	if ((kind == KEYS_SENSOR) != (argc == 2))
		return usage(argc == 2 ? "only sensors have names" : "whose certificate: sensor NAME");
	struct keys *k = open_keys(g, KEYS_READ);
	if (!k)
		return CLI_FAILED;
	int rc = crl	 ? keys_crl(k, &pem, &err)
		 : trust ? keys_trust(k, &pem, &err)
			 : keys_show(k, kind, argc == 2 ? argv[1] : NULL, o->serial, &pem, &err);
	if (!rc && g->json) {
		struct json j;
		json_init(&j, stdout);
		json_object(&j, NULL);
		json_str(&j, "pem", pem.text);
		json_end(&j, '}');
		json_line(&j);
	} else if (!rc) {
		fputs(pem.text, stdout);
	}
	keys_pem_free(&pem);
	return finish(k, rc, &err);
}

static int key_issue(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct key_options *o = options;
	struct err err = { "" };
	struct keys_bundle b;
	char subject[KEYS_NAME_MAX + 16];
	if (strcmp(argv[0], "sensor") != 0)
		return usage("keys are issued to sensors: key issue sensor NAME");
	if (!o->output)
		return usage("where to: -o DIR or -o FILE.tar");
	struct bundle_target t = { .path = o->output, .sensor = argv[1], .to = o->to };
	int code = bundle_open(&t);
	if (code)
		return code;
	struct keys *k = open_keys(g, KEYS_WRITE);
	if (!k) {
		bundle_abandon(&t);
		return CLI_FAILED;
	}
	int rc = keys_issue(k, argv[1], &b, &err);
	if (rc) {
		bundle_abandon(&t);
		return finish(k, rc, &err);
	}
	/* A bundle that could not be written was never handed out: its certificate is revoked at once. */
	if ((code = bundle_write(&t, &b)) != CLI_DONE && keys_revoke(k, KEYS_SENSOR, argv[1], b.serial, &err) < 0)
		fprintf(stderr, "sakimori: %s\n", err.text);
	snprintf(subject, sizeof subject, "sensor %s", argv[1]);
	keys_close(k);
	if (!code && g->json)
		printf("{\"sensor\":\"%s\",\"serial\":\"%s\"}\n", argv[1], b.serial);
	else if (!code && !g->quiet)
		fprintf(stderr, "sakimori: %s holds what %s needs (serial %s); move it there and delete it here\n",
			o->output, argv[1], b.serial);
	keys_bundle_free(&b);
	auditing_note(g, code ? "key issue (failed)" : "key issue", subject);
	return code;
}

#define N(rows) rows, sizeof rows / sizeof *rows
#define SIZE	sizeof(struct key_options)

static const struct cli_command commands[] = {
	{ "key", "list", NULL, "list the keys with their dates; warn of those that end soon", NULL, 0, SIZE, key_list },
	{ "key", "make", NULL, "make every key that is missing; change none that is there", N(host_options), SIZE,
		key_make },
	{ "key", "issue", "KIND NAME", "issue a certificate to a sensor and write the files it needs", N(issue_options),
		SIZE, key_issue },
	{ "key", "show", "KIND [NAME]", "print certificate and public key, or the lists 'trust' and 'crl', as PEM",
		N(serial_options), SIZE, key_show },
	{ "key", "rotate", "KIND", "put a new key in the place of the current one, which is retired", N(host_options),
		SIZE, key_rotate },
	{ "key", "revoke", "KIND [NAME]", "revoke a sensor's certificates, or a key that somebody else may have",
		N(serial_options), SIZE, key_revoke },
};

const struct cli_noun key_noun = { "key", "keys and certificates of this installation", commands,
	sizeof commands / sizeof *commands };
