// SPDX-License-Identifier: Apache-2.0
#include "cmd/evidence.h"

#include "base/json.h"
#include "base/sandbox.h"
#include "cmd/auditing.h"
#include "cmd/run.h"
#include "cmd/show.h"
#include "store/evidence.h"
#include "store/evidenceverify.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct evidence_options {
	const char *output, *tz, *key;
};

static const struct cli_option export_options[] = {
	{ "output", 'o', CLI_TEXT, CLI_FIELD(struct evidence_options, output), "FILE",
		"archive to write, - for standard output (default: evidence-ID.tar)" },
	{ "tz", 0, CLI_TEXT, CLI_FIELD(struct evidence_options, tz), "ZONE",
		"time zone that the summaries show beside UTC, such as Asia/Tokyo" },
};

static const struct cli_option verify_options[] = {
	{ "key", 0, CLI_TEXT, CLI_FIELD(struct evidence_options, key), "FILE",
		"public key or certificate that must have signed, in PEM" },
};

static int fail(const char *what, const char *why, int code)
{
	fprintf(stderr, "sakimori: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return code;
}

/* ---- export ---- */

/* Beside the name that is asked for; it is there whole or not at all. */
struct output {
	char path[512], temporary[528];
	int fd;
};

static int output_open(struct output *out, const char *path, const char *id)
{
	out->temporary[0] = '\0';
	if (path && strcmp(path, "-") == 0) {
		out->fd = dup(1);
		return out->fd < 0 ? -1 : 0;
	}
	/* Without a name the id asked for stands for it until the whole one is known. */
	bool good = path || strspn(id, "0123456789abcdef-") == strlen(id);
	int n = path ? snprintf(out->path, sizeof out->path, "%s", path)
		     : snprintf(out->path, sizeof out->path, "evidence-%s.tar", id);
	if (!good || n >= (int)sizeof out->path) {
		errno = EINVAL;
		return -1;
	}
	snprintf(out->temporary, sizeof out->temporary, "%s.new", out->path);
	unlink(out->temporary);
	out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	return out->fd < 0 ? -1 : 0;
}

static int output_close(struct output *out, const char *name, const struct evidence_made *made, bool good)
{
	int rc = 0;
	if (out->temporary[0] && good && fsync(out->fd))
		rc = -1;
	if (close(out->fd))
		rc = -1;
	if (!out->temporary[0])
		return rc;
	if (!name && good)
		snprintf(out->path, sizeof out->path, "evidence-%s.tar", made->id);
	if (good && !rc && rename(out->temporary, out->path))
		rc = -1;
	if (!good || rc)
		unlink(out->temporary);
	return rc;
}

static void told(const struct cli_global *g, const struct output *out, const struct evidence_made *m)
{
	if (g->quiet)
		return;
	fprintf(stderr, "sakimori: %s %s: findings %u, packets %llu, signed by %.16s, in %s\n",
		m->is_case ? "case" : "finding", m->id, m->findings, (unsigned long long)m->packets, m->key,
		out->temporary[0] ? out->path : "standard output");
	if (m->without_packets)
		fprintf(stderr, "sakimori: %u findings have no packets kept, only samples\n", m->without_packets);
	if (m->limited)
		fprintf(stderr, "sakimori: %u findings have more packets than an archive holds\n", m->limited);
}

/* Packets of the ring are bytes from outside: while they are read no file but those of the store and beside the archive
 * is within reach. */
static int shut(const struct cli_global *g, const struct output *out, struct err *err)
{
	char beside[sizeof out->path];
	memcpy(beside, out->path, sizeof beside);
	const char *dirs[] = { run_store_dir(g), out->temporary[0] ? dirname(beside) : NULL, NULL };
	return sandbox_files(&(struct sandbox_paths){ .write = dirs }, err) < 0 ? -1 : 0;
}

static int export_from(const struct cli_global *g, const struct evidence_options *o, const char *id, struct output *out,
	struct evidence_made *made)
{
	struct err err = { "" };
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct keys *k = keys_open(run_store_dir(g), KEYS_READ, now.tv_sec, NULL, &err);
	if (!k)
		return fail(err.text, NULL, CLI_FAILED);
	struct store *s = store_open(run_store_dir(g), STORE_READ, NULL, &err);
	if (!s) {
		keys_close(k);
		return fail(err.text, NULL, CLI_FAILED);
	}
	int rc = -EVIDENCE_IO;
	if (output_open(out, o->output, id)) {
		err_set(&err, 0, "%.200s: %s", o->output ? o->output : id, strerror(errno));
	} else {
		struct evidence_params p = { .store = s,
			.keys = k,
			.dir = run_store_dir(g),
			.id = id,
			.program = "sakimori " SAKIMORI_VERSION,
			.now_ns = now.tv_sec * (int64_t)1000000000 + now.tv_nsec };
		rc = shut(g, out, &err) ? -EVIDENCE_IO : evidence_export(&p, out->fd, made, &err);
		if (output_close(out, o->output, made, rc == 0) && !rc) {
			err_set(&err, 0, "%.200s: %s", out->path, strerror(errno));
			rc = -EVIDENCE_IO;
		}
	}
	store_close(s);
	keys_close(k);
	if (rc)
		return fail(
			err.text, NULL, rc == -EVIDENCE_ABSENT || rc == -EVIDENCE_SEVERAL ? CLI_NEGATIVE : CLI_FAILED);
	return CLI_DONE;
}

static int evidence_export_command(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct evidence_options *o = options;
	struct evidence_made made;
	struct output out;
	char subject[128];
	if (show_zone(o->tz))
		return CLI_USAGE;
	keys_guard();
	auditing_who(subject, sizeof subject); /* looked up while /etc can be read */
	int code = export_from(g, o, argv[0], &out, &made);
	if (code)
		return code;
	told(g, &out, &made);
	snprintf(subject, sizeof subject, "%s %s", made.is_case ? "case" : "finding", made.id);
	auditing_note(g, "evidence export", subject);
	return CLI_DONE;
}

/* ---- verify ---- */

static int read_key(const char *path, char *buf, size_t size, struct bytes *out)
{
	*out = (struct bytes){ 0 };
	if (!path)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size);
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return fail(path, n < 0 ? strerror(why) : "empty", -1);
	*out = (struct bytes){ (uint8_t *)buf, (size_t)n };
	return 0;
}

static void result_json(const struct evidence_result *r)
{
	struct json j;
	json_init(&j, stdout);
	json_object(&j, NULL);
	json_bool(&j, "good", r->good);
	json_str(&j, "reason", r->good ? NULL : r->reason);
	json_str(&j, "key", r->key[0] ? r->key : NULL);
	json_bool(&j, "key_given", r->trusted);
	json_str(&j, "kind", r->good ? r->kind : NULL);
	json_str(&j, "id", r->good ? r->id : NULL);
	json_str(&j, "made", r->good ? r->made : NULL);
	json_str(&j, "program", r->good ? r->program : NULL);
	json_u64(&j, "files", r->files);
	json_u64(&j, "bytes", r->bytes);
	json_end(&j, '}');
	json_line(&j);
}

static void result_text(const struct evidence_result *r)
{
	if (!r->good) {
		printf("NOT VERIFIED: %s\n", r->reason);
		return;
	}
	printf("verified: %s %s, made %s by %s; %u files\nsigned by key %s\n", r->kind, r->id, r->made, r->program,
		r->files, r->key);
	puts(r->trusted ? "which is the key that was given"
			: "whose key that is, this archive can't prove: compare the fingerprint, or give --key");
}

static int evidence_verify_command(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct evidence_options *o = options;
	static char pem[65536];
	struct evidence_result r;
	struct err err = { "" };
	struct bytes key;
	if (read_key(o->key, pem, sizeof pem, &key))
		return CLI_FAILED;
	int fd = strcmp(argv[0], "-") == 0 ? dup(0) : open(argv[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(argv[0], strerror(errno), CLI_FAILED);
	if (sandbox_enter(SANDBOX_PARSE, &err) < 0 || evidenceverify_fd(fd, key, &r, &err))
		return fail(err.text, NULL, CLI_FAILED);
	if (g->json)
		result_json(&r);
	else
		result_text(&r);
	return r.good ? CLI_DONE : CLI_NEGATIVE;
}

#define N(rows) rows, sizeof rows / sizeof *rows
#define SIZE	sizeof(struct evidence_options)

static const struct cli_command commands[] = {
	{ "evidence", "export", "ID", "write a finding or a case with its packets as a signed archive",
		N(export_options), SIZE, evidence_export_command },
	{ "evidence", "verify", "FILE", "check signature and hashes of an archive; needs no store", N(verify_options),
		SIZE, evidence_verify_command },
};

const struct cli_noun evidence_noun = { "evidence", "findings and cases as signed archives", commands,
	sizeof commands / sizeof *commands };
