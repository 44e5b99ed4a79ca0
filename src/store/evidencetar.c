// SPDX-License-Identifier: Apache-2.0
#include "store/evidencetar.h"

#include <archive.h>
#include <archive_entry.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

bool evidencetar_add(struct evidencetar *t, const char *name, void *data, size_t n)
{
	if (t->n == EVIDENCE_FILES_MAX || n > EVIDENCE_FILE_MAX || t->bytes + n > EVIDENCE_TOTAL_MAX) {
		free(data);
		return false;
	}
	struct evidencetar_file *f = &t->v[t->n++];
	snprintf(f->name, sizeof f->name, "%s", name);
	f->data = data;
	f->n = n;
	t->bytes += n;
	return true;
}

void evidencetar_free(struct evidencetar *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].data);
	free(t);
}

static int by_name(const void *a, const void *b)
{
	const struct evidencetar_file *x = a, *y = b;
	return strcmp(x->name, y->name);
}

void evidencetar_sort(struct evidencetar *t)
{
	qsort(t->v, t->n, sizeof *t->v, by_name);
}

void evidencetar_sha256(char out[65], const void *data, size_t n)
{
	uint8_t digest[32];
	ENSURE(gnutls_hash_fast(GNUTLS_DIG_SHA256, data, n, digest) == 0);
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

int evidencetar_write(struct evidencetar *t, int fd, int64_t mtime_s, struct err *err)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	evidencetar_sort(t);
	int rc = archive_write_set_format_ustar(a);
	if (rc == ARCHIVE_OK)
		rc = archive_write_open_fd(a, fd);
	for (size_t i = 0; i < t->n && rc == ARCHIVE_OK; i++) {
		archive_entry_clear(e);
		archive_entry_set_pathname(e, t->v[i].name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_mtime(e, (time_t)mtime_s, 0);
		archive_entry_set_size(e, (la_int64_t)t->v[i].n);
		rc = archive_write_header(a, e);
		if (rc == ARCHIVE_OK && archive_write_data(a, t->v[i].data, t->v[i].n) != (la_ssize_t)t->v[i].n)
			rc = ARCHIVE_FATAL;
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		rc = ARCHIVE_FATAL;
	if (rc != ARCHIVE_OK)
		err_set(err, -1, "can't write the archive: %s",
			archive_error_string(a) ? archive_error_string(a) : "no reason given");
	archive_entry_free(e);
	archive_write_free(a);
	return rc == ARCHIVE_OK ? 0 : -1;
}
