// SPDX-License-Identifier: Apache-2.0
#include "know/document.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int slurp(int fd, uint8_t **out, size_t *n, struct err *err)
{
	size_t room = 65536;
	*n = 0;
	*out = mem_new(room);
	for (;;) {
		if (*n == room) {
			room *= 2;
			*out = mem_grow(*out, room);
		}
		ssize_t got = read(fd, *out + *n, room - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, -1, "%s", strerror(errno));
		if (got == 0)
			return 0;
		*n += (size_t)got;
		if (*n > DOCUMENT_MAX)
			return err_set(err, -1, "larger than %zu MiB", DOCUMENT_MAX >> 20);
	}
}

static bool is_utf8(struct bytes in)
{
	for (size_t i = 0, step; i < in.n; i += step) {
		step = text_utf8_length((const char *)in.p + i, in.n - i);
		if (step == 0)
			return false;
	}
	return true;
}

static size_t line_of(struct bytes in, size_t at)
{
	size_t line = 1;
	for (size_t i = 0; i < at; i++)
		line += in.p[i] == '\n';
	return line;
}

static int from_cp932(struct document *d, struct bytes in, const char *name, struct err *err)
{
	iconv_t cd = iconv_open("UTF-8", "CP932");
	if (cd == (iconv_t)-1)
		return err_set(
			err, -1, "%.300s: not UTF-8, and the system can't read CP932: %s", name, strerror(errno));
	/* Two bytes become three at most, one half-width kana three. */
	size_t left = in.n, room = in.n * 3 + 1, free_room = room - 1;
	char *from = (char *)(uintptr_t)in.p, *to = mem_new(room);
	d->text = to;
	size_t code = iconv(cd, &from, &left, &to, &free_room);
	iconv_close(cd);
	d->n = (size_t)(to - d->text);
	if (code == (size_t)-1)
		return err_set(err, -1, "%.300s:%zu: neither UTF-8 nor CP932", name, line_of(in, in.n - left));
	return 0;
}

int document_decode(struct document *d, struct bytes in, const char *name, struct err *err)
{
	static const uint8_t mark[3] = { 0xef, 0xbb, 0xbf };
	bool marked = in.n >= 3 && memcmp(in.p, mark, 3) == 0, utf8 = is_utf8(in);
	*d = (struct document){ .encoding = marked || utf8 ? "UTF-8" : "CP932" };
	if (marked && !utf8)
		return err_set(err, -1, "%.300s: a UTF-8 byte order mark in front, but not UTF-8 behind", name);
	if (!utf8) {
		int code = from_cp932(d, in, name, err);
		if (code < 0)
			document_fini(d);
		return code;
	}
	in = bytes_from(in, marked ? 3 : 0);
	d->text = mem_new(in.n + 1);
	d->n = in.n;
	if (in.n)
		memcpy(d->text, in.p, in.n);
	return 0;
}

int document_read(struct document *d, const char *path, struct err *err)
{
	struct stat st;
	uint8_t *raw = NULL;
	size_t n = 0;
	*d = (struct document){ 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -1, "%.300s: %s", path, strerror(errno));
	int code = fstat(fd, &st);
	if (code < 0 || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		code = err_set(err, -1, "%.300s: not a file", path);
	else if (slurp(fd, &raw, &n, err) < 0)
		code = err_prefix(err, -1, "%.300s", path);
	else
		code = document_decode(d, (struct bytes){ raw, n }, path, err);
	free(raw);
	close(fd);
	return code;
}

void document_fini(struct document *d)
{
	free(d->text);
	*d = (struct document){ 0 };
}

static int date(const char *text, int64_t *ns, struct err *err)
{
	int64_t s;
	if (!text || !*text)
		return 0;
	if (text_date(text, &s) < 0)
		return err_set(err, -1, "'%.40s' is not a date YYYY-MM-DD", text);
	/* Years before 1678 and behind 2261 stand for "always". */
	*ns = s < INT64_MIN / 1000000000 ? INT64_MIN : s > INT64_MAX / 1000000000 ? INT64_MAX : s * 1000000000;
	return 0;
}

int document_dates(const char *from, const char *to, int64_t *from_ns, int64_t *to_ns, struct err *err)
{
	*from_ns = INT64_MIN;
	*to_ns = INT64_MAX;
	if (date(from, from_ns, err) < 0 || date(to, to_ns, err) < 0)
		return -1;
	if (*to_ns <= *from_ns)
		return err_set(err, -1, "'%.40s' to '%.40s' ends before it begins", from, to);
	return 0;
}
