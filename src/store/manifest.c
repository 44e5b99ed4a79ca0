// SPDX-License-Identifier: Apache-2.0
#include "store/manifest.h"

#include "base/mem.h"
#include "store/segment.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

void manifest_free(struct manifest *m)
{
	free(m->files);
	memset(m, 0, sizeof *m);
}

bool manifest_name_ok(const char *name)
{
	int64_t hour;
	if (strlen(name) >= sizeof((struct manifest_file *)0)->name)
		return false;
	if (strncmp(name, "flows/", 6) == 0)
		return segment_parse_name(name + 6, &hour) == 0;
	if (strncmp(name, "keys/", 5) != 0)
		return strcmp(name, "store.db") == 0;
	name += 5;
	return name[0] && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

struct manifest_file *manifest_add(struct manifest *m, const char *name)
{
	if (!manifest_name_ok(name) || m->n == MANIFEST_FILES_MAX)
		return NULL;
	if ((m->n & (m->n - 1)) == 0)
		m->files = mem_grow(m->files, (m->n ? 2 * m->n : 1) * sizeof *m->files);
	struct manifest_file *f = &m->files[m->n++];
	memset(f, 0, sizeof *f);
	snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

struct manifest_file *manifest_find(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->files[i].name, name) == 0)
			return &m->files[i];
	return NULL;
}

char *manifest_write(const struct manifest *m, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);
	ENSURE(out);
	fprintf(out,
		"{\n\"format\": 1,\n\"program\": \"%s\",\n\"created_ns\": %" PRId64
		",\n\"schema\": %d,\n\"keys\": %s,\n"
		"\"audit_seq\": %" PRId64 ",\n\"audit_head\": \"%s\",\n\"files\": [",
		m->program, m->created_ns, m->schema, m->keys ? "true" : "false", m->audit_seq, m->audit_head);
	for (size_t i = 0; i < m->n; i++) {
		fprintf(out, "%s\n{\"name\": \"%s\", \"size\": %" PRIu64 ", \"sha256\": \"", i ? "," : "",
			m->files[i].name, m->files[i].size);
		for (int k = 0; k < MANIFEST_HASH; k++)
			fprintf(out, "%02x", m->files[i].sha256[k]);
		fputs("\"}", out);
	}
	fputs("\n]\n}\n", out);
	ENSURE(fclose(out) == 0);
	return text;
}

static bool read_hash(const char *hex, uint8_t out[MANIFEST_HASH])
{
	if (!hex || strlen(hex) != 2 * MANIFEST_HASH || strspn(hex, "0123456789abcdef") != 2 * MANIFEST_HASH)
		return false;
	for (int i = 0; i < MANIFEST_HASH; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };
		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return true;
}

static int read_file(json_t *at, struct manifest *m, struct err *err)
{
	const char *name = json_string_value(json_object_get(at, "name"));
	json_int_t size = json_integer_value(json_object_get(at, "size"));
	if (!name || size < 0 || manifest_find(m, name))
		return err_set(err, -1, "a file of the manifest has no name, no size, or is named twice");
	struct manifest_file *f = manifest_add(m, name);
	if (!f)
		return err_set(err, -1, "the manifest names a file that no backup has");
	f->size = (uint64_t)size;
	if (!read_hash(json_string_value(json_object_get(at, "sha256")), f->sha256))
		return err_set(err, -1, "the manifest has no SHA-256 of %s", f->name);
	return 0;
}

int manifest_parse(struct bytes in, struct manifest *out, struct err *err)
{
	json_error_t why;
	memset(out, 0, sizeof *out);
	json_t *top =
		in.n <= MANIFEST_SIZE_MAX ? json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES, &why) : NULL;
	json_t *files = json_object_get(top, "files");
	int rc = 0;
	if (!top || json_integer_value(json_object_get(top, "format")) != 1 || !json_is_array(files))
		rc = err_set(err, -1, "the manifest is none of this program's");
	const char *program = json_string_value(json_object_get(top, "program"));
	const char *head = json_string_value(json_object_get(top, "audit_head"));
	snprintf(out->program, sizeof out->program, "%s", program ? program : "");
	snprintf(out->audit_head, sizeof out->audit_head, "%s", head ? head : "");
	out->created_ns = json_integer_value(json_object_get(top, "created_ns"));
	out->schema = (int)json_integer_value(json_object_get(top, "schema"));
	out->keys = json_is_true(json_object_get(top, "keys"));
	out->audit_seq = json_integer_value(json_object_get(top, "audit_seq"));
	for (size_t i = 0; !rc && i < json_array_size(files); i++)
		rc = read_file(json_array_get(files, i), out, err);
	json_decref(top);
	return rc;
}
