// SPDX-License-Identifier: Apache-2.0
#include "store/evidenceverify.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/keys.h"

#include <archive.h>
#include <archive_entry.h>
#include <gnutls/crypto.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK 65536

struct member {
	char name[EVIDENCE_NAME_MAX];
	uint64_t size;
	char sha256[65];
	bool named; /* in the manifest */
};

struct reading {
	struct evidence_result *out;
	struct member *v;
	size_t n;
	struct bytes manifest, signature, signer; /* heap */
};

/* The first reason stays. */
static int bad(struct evidence_result *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(struct evidence_result *out, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!out->reason[0])
		text_escape(out->reason, sizeof out->reason, text, strlen(text));
	return -1;
}

static bool good_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return n > 0 && n < EVIDENCE_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

static int check_entry(struct reading *r, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);
	if (!good_name(name))
		return bad(r->out, "a file's name is not allowed: %.100s", name ? name : "(none)");
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) || archive_entry_symlink(e))
		return bad(r->out, "%s is no plain file", name);
	if (archive_entry_size(e) < 0 || (uint64_t)archive_entry_size(e) > EVIDENCE_FILE_MAX)
		return bad(r->out, "%s is larger than allowed", name);
	if (r->n == EVIDENCE_FILES_MAX)
		return bad(r->out, "more than %d files", EVIDENCE_FILES_MAX);
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0)
			return bad(r->out, "%s is there twice", name);
	memcpy(r->v[r->n].name, name, strlen(name) + 1);
	return 0;
}

static struct bytes *kept(struct reading *r, const char *name)
{
	return strcmp(name, EVIDENCE_MANIFEST) == 0    ? &r->manifest
	       : strcmp(name, EVIDENCE_SIGNATURE) == 0 ? &r->signature
	       : strcmp(name, EVIDENCE_SIGNER) == 0    ? &r->signer
						       : NULL;
}

static int keep(struct reading *r, struct bytes *to, const struct member *m, struct bytes block)
{
	if (!to || !block.n)
		return 0;
	if (to->n + block.n > EVIDENCE_SMALL_MAX)
		return bad(r->out, "%s is larger than allowed", m->name);
	uint8_t *p = mem_grow((uint8_t *)to->p, to->n + block.n);
	memcpy(p + to->n, block.p, block.n);
	*to = (struct bytes){ p, to->n + block.n };
	return 0;
}

static int read_member(struct reading *r, struct archive *a, uint8_t *buf)
{
	struct member *m = &r->v[r->n];
	gnutls_hash_hd_t hash;
	uint8_t digest[32];
	la_ssize_t n = 0;
	int rc = 0;
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return bad(r->out, "SHA-256 is not to be had");
	while (!rc && (n = archive_read_data(a, buf, BLOCK)) > 0) {
		m->size += (uint64_t)n;
		r->out->bytes += (uint64_t)n;
		if (m->size > EVIDENCE_FILE_MAX || r->out->bytes > EVIDENCE_TOTAL_MAX)
			rc = bad(r->out, "%s: more octets than allowed", m->name);
		else if (gnutls_hash(hash, buf, (size_t)n) < 0)
			rc = bad(r->out, "SHA-256 failed");
		else
			rc = keep(r, kept(r, m->name), m, (struct bytes){ buf, (size_t)n });
	}
	gnutls_hash_deinit(hash, digest);
	for (int i = 0; i < 32; i++)
		snprintf(m->sha256 + 2 * i, 3, "%02x", digest[i]);
	if (n < 0)
		rc = bad(r->out, "%s: %s", m->name, archive_error_string(a) ? archive_error_string(a) : "unreadable");
	return rc;
}

static int read_members(struct reading *r, struct archive *a)
{
	struct archive_entry *e;
	uint8_t *buf = mem_new(BLOCK);
	int rc = 0, status = ARCHIVE_OK;
	while (!rc && (status = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		rc = check_entry(r, e);
		if (!rc)
			rc = read_member(r, a, buf);
		r->n += !rc;
	}
	free(buf);
	if (!rc && status != ARCHIVE_EOF)
		rc = bad(r->out, "no archive of evidence: %s",
			archive_error_string(a) ? archive_error_string(a) : "unreadable");
	r->out->files = (unsigned)r->n;
	return rc;
}

/* ---- the manifest against what was read ---- */

static int check_signature(struct reading *r, struct bytes key)
{
	struct err err = { "" };
	char own[65];
	if (!r->manifest.n || !r->signature.n || !r->signer.n)
		return bad(r->out, "%s is missing",
			!r->manifest.n	  ? EVIDENCE_MANIFEST
			: !r->signature.n ? EVIDENCE_SIGNATURE
					  : EVIDENCE_SIGNER);
	int rc = keys_verify(r->signer, r->manifest, r->signature, own, &err);
	memcpy(r->out->key, own, sizeof own);
	if (rc)
		return bad(r->out, "%s: %s", rc == -KEYS_BAD ? EVIDENCE_SIGNER : EVIDENCE_SIGNATURE, err.text);
	if (!key.n)
		return 0;
	if (keys_verify(key, r->manifest, r->signature, own, &err))
		return bad(r->out, "signed by another key than the one given (%s)", r->out->key);
	memcpy(r->out->key, own, sizeof own);
	r->out->trusted = true;
	return 0;
}

static struct member *find(struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0)
			return &r->v[i];
	return NULL;
}

static int check_files(struct reading *r, const json_t *files)
{
	size_t i;
	json_t *file;
	if (!json_is_array(files))
		return bad(r->out, EVIDENCE_MANIFEST ": no list of files");
	json_array_foreach(files, i, file)
	{
		const char *name = json_string_value(json_object_get(file, "name")),
			   *sha256 = json_string_value(json_object_get(file, "sha256"));
		json_int_t size = json_integer_value(json_object_get(file, "size"));
		if (!good_name(name) || !sha256 || kept(r, name))
			return bad(r->out, EVIDENCE_MANIFEST ": a file without name or hash");
		struct member *m = find(r, name);
		if (!m)
			return bad(r->out, "%s is missing", name);
		if (m->named)
			return bad(r->out, EVIDENCE_MANIFEST ": %s is named twice", name);
		if ((json_int_t)m->size != size || strcmp(m->sha256, sha256) != 0)
			return bad(r->out, "%s was changed: its hash is not that of the manifest", name);
		m->named = true;
	}
	for (i = 0; i < r->n; i++)
		if (!r->v[i].named && !kept(r, r->v[i].name))
			return bad(r->out, "%s is not in the manifest", r->v[i].name);
	return 0;
}

static void copy(char *out, size_t size, const json_t *root, const char *key)
{
	const char *text = json_string_value(json_object_get(root, key));
	text_escape(out, size, text ? text : "", text ? strlen(text) : 0);
}

static int check_manifest(struct reading *r)
{
	json_error_t e;
	json_t *root = json_loadb((const char *)r->manifest.p, r->manifest.n, JSON_REJECT_DUPLICATES, &e);
	if (!root)
		return bad(r->out, EVIDENCE_MANIFEST ": line %d: %s", e.line, e.text);
	const char *format = json_string_value(json_object_get(root, "format"));
	int rc = !format || strcmp(format, EVIDENCE_FORMAT) != 0 ? bad(r->out, EVIDENCE_MANIFEST ": another format")
								 : check_files(r, json_object_get(root, "files"));
	if (!rc) {
		copy(r->out->id, sizeof r->out->id, root, "id");
		copy(r->out->kind, sizeof r->out->kind, root, "kind");
		copy(r->out->made, sizeof r->out->made, root, "made");
		copy(r->out->program, sizeof r->out->program, root, "program");
	}
	json_decref(root);
	return rc;
}

/* `fd` -1: `in`. */
static int verify(int fd, struct bytes in, struct bytes key, struct evidence_result *out, struct err *err)
{
	struct archive *a = archive_read_new();
	*out = (struct evidence_result){ 0 };
	if (!a)
		return err_set(err, -1, "out of memory");
	struct reading r = { .out = out, .v = calloc(EVIDENCE_FILES_MAX, sizeof *r.v) };
	ENSURE(r.v);
	archive_read_support_format_tar(a);
	archive_read_support_filter_none(a);
	int rc = fd >= 0 ? archive_read_open_fd(a, fd, BLOCK) : archive_read_open_memory(a, in.p, in.n);
	if (rc != ARCHIVE_OK)
		rc = bad(out, "no archive of evidence: %s",
			archive_error_string(a) ? archive_error_string(a) : "unreadable");
	if (!rc)
		rc = read_members(&r, a);
	if (!rc)
		rc = check_signature(&r, key);
	if (!rc)
		rc = check_manifest(&r);
	out->good = !rc;
	archive_read_free(a);
	free((void *)r.manifest.p);
	free((void *)r.signature.p);
	free((void *)r.signer.p);
	free(r.v);
	return 0;
}

int evidenceverify_fd(int fd, struct bytes key, struct evidence_result *out, struct err *err)
{
	return verify(fd, (struct bytes){ 0 }, key, out, err);
}

int evidenceverify_bytes(struct bytes archive, struct bytes key, struct evidence_result *out, struct err *err)
{
	return verify(-1, archive, key, out, err);
}
