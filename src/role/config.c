// SPDX-License-Identifier: Apache-2.0
#include "role/config_impl.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config *config_new(void)
{
	struct config *c = mem_new(sizeof *c);
	struct yaml_pool *pool = yaml_pool_new();
	yaml_defaults(&config_table, c, pool);
	c->pool = pool;
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	yaml_pool_free(c->pool);
	free(c);
}

/* Defaults that depend on other keys. */
static void complete(struct config *c)
{
	if (!c->time_zone)
		c->time_zone = c->language == CONFIG_JA ? "Asia/Tokyo" : "UTC";
	for (size_t i = 0; i < c->sensors.n; i++)
		if (!c->sensors.v[i].tenant)
			c->sensors.v[i].tenant = c->network.tenant;
}

int config_parse(struct config **out, struct bytes text, struct yaml_faults *faults)
{
	struct config *c = config_new();
	struct yaml_pool *pool = c->pool;
	*out = NULL;
	int code = yaml_parse(text, &config_table, c, pool, faults);
	c->pool = pool;
	complete(c);
	if (code == 0)
		config_check(c, faults);
	yaml_faults_sort(faults);
	if (faults->n) {
		config_free(c);
		return CONFIG_BAD;
	}
	*out = c;
	return 0;
}

/* Up to `size` octets. Returns how many, or -1 with errno. */
static ssize_t read_all(int fd, char *out, size_t size)
{
	size_t n = 0;
	while (n < size) {
		ssize_t got = read(fd, out + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int config_read(struct config **out, const char *path, struct yaml_faults *faults)
{
	*out = NULL;
	if (!path) {
		*out = config_new();
		complete(*out);
		return 0;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = mem_new(YAML_SIZE_MAX + 1);
	ssize_t n = fd < 0 ? -1 : read_all(fd, text, YAML_SIZE_MAX + 1);
	int code = CONFIG_IO;
	if (n < 0)
		yaml_fault(faults, 0, "%s", strerror(errno));
	else
		code = config_parse(out, (struct bytes){ (const uint8_t *)text, (size_t)n }, faults);
	if (fd >= 0)
		close(fd);
	free(text);
	return code;
}

void config_print(FILE *out, const struct config *c)
{
	yaml_print(out, &config_table, c);
}

void config_reference(FILE *out)
{
	fputs("# Reference: the configuration\n\nWritten by `sakimori run --schema` from the table in "
	      "`src/role/config_table.c`.\n\nOne YAML file, named with `--config`; every key but `network.operator` "
	      "may be "
	      "left out. Anchors, aliases and tags are not taken. Sizes: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, "
	      "GiB, "
	      "TiB (powers of 1024). Durations: ns, us, ms, s, m, h, d, w, also joined as in 1h30m. Secrets are named, "
	      "never written: `{file: PATH}` or `{env: NAME}`. `sakimori run --check -v` prints what is in force.\n",
		out);
	yaml_markdown(out, &config_table, config_reach_names);
}

void config_manual(FILE *out)
{
	yaml_mdoc(out, &config_table);
}

/* ---- differences ---- */

struct told {
	void (*changed)(void *arg, const char *path, unsigned reach);
	void *arg;
	unsigned all;
};

static void tell(void *arg, const char *path, unsigned reach)
{
	struct told *t = arg;
	t->all |= reach;
	if (t->changed)
		t->changed(t->arg, path, reach);
}

unsigned config_diff(const struct config *a, const struct config *b,
	void (*changed)(void *arg, const char *path, unsigned reach), void *arg)
{
	struct told t = { changed, arg, 0 };
	yaml_diff(&config_table, a, b, tell, &t);
	return t.all;
}

/* ---- secrets ---- */

static ssize_t secret_file(const char *path, char *out, struct err *err)
{
	struct stat st;
	ssize_t n = -1;
	/* Not blocking: a pipe in its place would wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		err_set(err, -1, "secret %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err_set(err, -1, "secret %s: not a regular file", path);
	else if (st.st_mode & (S_IROTH | S_IWOTH))
		err_set(err, -1, "secret %s: everybody may read or write it; chmod o-rw", path);
	else if ((n = read_all(fd, out, CONFIG_SECRET_MAX)) < 0)
		err_set(err, -1, "secret %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return n;
}

static int secret_check(const char *what, char *out, size_t n, struct err *err)
{
	if (n == 0)
		return err_set(err, -1, "secret %s: empty", what);
	if (n >= CONFIG_SECRET_MAX)
		return err_set(err, -1, "secret %s: longer than %d octets", what, CONFIG_SECRET_MAX - 1);
	out[n] = 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			return err_set(err, -1, "secret %s: control characters or several lines in it", what);
	return (int)n;
}

int config_secret_load(const struct yaml_secret *s, char out[CONFIG_SECRET_MAX], struct err *err)
{
	ssize_t n;
	memset(out, 0, CONFIG_SECRET_MAX);
	if (s->env) {
		const char *text = getenv(s->env);
		if (!text)
			return err_set(err, -1, "secret %s: no such environment variable", s->env);
		n = (ssize_t)strnlen(text, CONFIG_SECRET_MAX);
		memcpy(out, text, (size_t)n);
	} else {
		ENSURE(s->file);
		n = secret_file(s->file, out, err);
		if (n > 0 && n < CONFIG_SECRET_MAX && out[n - 1] == '\n')
			n -= 1 + (n > 1 && out[n - 2] == '\r');
	}
	int code = n < 0 ? -1 : secret_check(s->env ? s->env : s->file, out, (size_t)n, err);
	if (code < 0)
		explicit_bzero(out, CONFIG_SECRET_MAX);
	return code;
}
