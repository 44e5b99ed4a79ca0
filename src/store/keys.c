// SPDX-License-Identifier: Apache-2.0
#include "store/keys.h"

#include "base/mem.h"
#include "store/keycert.h"
#include "store/keyfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY 86400

struct keys {
	int dir, sensors, lock; /* descriptors; -1: none */
	int64_t now_s;
};

/* One file, read. */
struct item {
	struct keycert c;
	struct keys_info info;
	char file[KEYFILE_NAME_MAX];
};

struct items {
	struct item *v;
	size_t n;
};

static const char *const kinds[KEYS_KIND_N] = { "ca", "collect", "console", "evidence", "policy", "sensor" };
static const char *const states[] = { "current", "retired", "expired", "revoked" };

const char *keys_kind_name(enum keys_kind kind)
{
	return kinds[kind];
}

const char *keys_state_name(enum keys_state state)
{
	return states[state];
}

int keys_kind_parse(const char *text, enum keys_kind *out)
{
	for (int i = 0; i < KEYS_KIND_N; i++)
		if (strcmp(text, kinds[i]) == 0) {
			*out = (enum keys_kind)i;
			return 0;
		}
	return -1;
}

static struct bytes pem_bytes(const struct keys_pem *p)
{
	return (struct bytes){ (const uint8_t *)p->text, p->n };
}

/* ---- opening ---- */

static int open_dirs(struct keys *k, const char *store, enum keys_mode mode, struct err *err)
{
	bool make = mode == KEYS_WRITE;
	if (make && mkdir(store, 0750) && errno != EEXIST)
		return err_set(err, -KEYS_IO, "can't make %s: %s", store, strerror(errno));
	int at = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(
			err, errno == ENOENT ? -KEYS_ABSENT : -KEYS_IO, "can't open %s: %s", store, strerror(errno));
	k->dir = keyfile_dir(at, "keys", make, err);
	close(at);
	if (k->dir == -KEYS_ABSENT)
		err_set(err, 0, "%s has no keys: 'sakimori key make' makes them", store);
	if (k->dir >= 0)
		k->sensors = keyfile_dir(k->dir, "sensors", make, err);
	if (k->dir < 0 || k->sensors < 0)
		return k->dir < 0 ? k->dir : k->sensors;
	if (make)
		k->lock = keyfile_lock(k->dir, err);
	return make && k->lock < 0 ? k->lock : 0;
}

struct keys *keys_open(const char *store, enum keys_mode mode, int64_t now_s, int *code, struct err *err)
{
	struct keys *k = mem_new(sizeof *k);
	*k = (struct keys){ -1, -1, -1, now_s };
	int rc = open_dirs(k, store, mode, err);
	if (code)
		*code = rc;
	if (rc) {
		keys_close(k);
		return NULL;
	}
	return k;
}

void keys_close(struct keys *k)
{
	const int fds[] = { k->lock, k->sensors, k->dir };
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(k);
}

/* ---- files to items ---- */

static int read_file(int dir, const char *file, struct keycert *out, struct err *err)
{
	struct keys_pem pem = { 0 };
	int rc = keyfile_read(dir, file, &pem, err);
	if (!rc)
		rc = keycert_read(pem_bytes(&pem), file, out, err);
	keys_pem_free(&pem);
	return rc;
}

static int write_file(int dir, const char *file, const struct keycert *c, unsigned parts, struct err *err)
{
	struct keys_pem pem = { 0 };
	int rc = keycert_write(c, parts, &pem, err);
	if (!rc)
		rc = keyfile_write(dir, file, pem_bytes(&pem), err);
	keys_pem_free(&pem);
	return rc;
}

static void judge(const struct keys *k, struct keys_info *i)
{
	int64_t soon = i->kind == KEYS_CA ? 180 * DAY : 30 * DAY;
	i->state = i->revoked_s		 ? KEYS_REVOKED
		   : k->now_s >= i->to_s ? KEYS_EXPIRED
		   : i->retired_s	 ? KEYS_RETIRED
					 : KEYS_CURRENT;
	i->soon = i->state == KEYS_CURRENT && i->to_s - k->now_s < soon;
}

static int add_item(const struct keys *k, struct items *items, enum keys_kind kind, const char *file, struct err *err)
{
	if (items->n % 16 == 0)
		items->v = mem_grow(items->v, (items->n + 16) * sizeof *items->v);
	struct item *i = &items->v[items->n];
	memset(i, 0, sizeof *i);
	int rc = read_file(kind == KEYS_SENSOR ? k->sensors : k->dir, file, &i->c, err);
	if (rc)
		return rc;
	items->n++;
	i->info.kind = kind;
	snprintf(i->file, sizeof i->file, "%s", file);
	rc = keycert_info(&i->c, &i->info, err);
	if (kind != KEYS_SENSOR)
		snprintf(i->info.name, sizeof i->info.name, "%s", kinds[kind]);
	judge(k, &i->info);
	return rc;
}

static bool is_current(const struct item *i)
{
	return i->info.kind != KEYS_SENSOR && strlen(i->file) == strlen(kinds[i->info.kind]) + 4;
}

/* Killed between retiring and replacing: the key is still the current one. */
static bool half_retired(const struct items *items, const struct item *i)
{
	if (i->info.kind == KEYS_SENSOR || is_current(i))
		return false;
	for (size_t n = 0; n < items->n; n++)
		if (is_current(&items->v[n]) && items->v[n].info.kind == i->info.kind &&
			strcmp(items->v[n].info.serial, i->info.serial) == 0)
			return true;
	return false;
}

static int by_kind(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->info.kind != y->info.kind)
		return x->info.kind < y->info.kind ? -1 : 1;
	int c = strcmp(x->info.name, y->info.name);
	if (c == 0 && x->info.from_s != y->info.from_s)
		c = x->info.from_s < y->info.from_s ? -1 : 1;
	return c ? c : strcmp(x->info.serial, y->info.serial);
}

static void items_free(struct items *items)
{
	for (size_t i = 0; i < items->n; i++)
		keycert_free(&items->v[i].c);
	free(items->v);
	*items = (struct items){ 0 };
}

static int read_dir(const struct keys *k, bool sensors, struct items *items, struct err *err)
{
	struct keyfile_names names;
	int rc = keyfile_list(sensors ? k->sensors : k->dir, k->lock >= 0, &names, err);
	for (size_t i = 0; !rc && i < names.n; i++) {
		enum keys_kind kind = KEYS_SENSOR;
		char word[KEYFILE_NAME_MAX];
		memcpy(word, names.v[i], sizeof word);
		word[strcspn(word, "-.")] = '\0';
		if (!sensors && (keys_kind_parse(word, &kind) || kind == KEYS_SENSOR))
			continue;
		rc = add_item(k, items, kind, names.v[i], err);
	}
	keyfile_names_free(&names);
	return rc;
}

/* Everything there is. */
static int read_all(const struct keys *k, struct items *items, struct err *err)
{
	*items = (struct items){ 0 };
	int rc = read_dir(k, false, items, err);
	if (!rc)
		rc = read_dir(k, true, items, err);
	if (!rc && items->n)
		qsort(items->v, items->n, sizeof *items->v, by_kind);
	return rc;
}

/* ---- changing ---- */

static void current_name(char out[KEYFILE_NAME_MAX], enum keys_kind kind)
{
	snprintf(out, KEYFILE_NAME_MAX, "%s.pem", kinds[kind]);
}

static int read_current(const struct keys *k, enum keys_kind kind, struct keycert *out, struct err *err)
{
	char file[KEYFILE_NAME_MAX];
	current_name(file, kind);
	return read_file(k->dir, file, out, err);
}

static void default_hosts(struct keys_hosts *h)
{
	*h = (struct keys_hosts){ .v = { "localhost", "127.0.0.1", "::1" }, .n = 3 };
	char name[KEYS_HOST_SIZE] = "";
	if (gethostname(name, sizeof name - 1) == 0 && name[0] && strcmp(name, "localhost") != 0)
		memcpy(h->v[h->n++], name, sizeof name);
}

/* Makes and writes the current key of a kind. `before`: the one it follows, NULL: none. */
static int make_kind(struct keys *k, enum keys_kind kind, const struct keys_hosts *hosts, const struct keycert *before,
	struct err *err)
{
	struct keycert ca = { 0 }, made;
	struct keys_hosts own = { .n = 0 };
	bool server = kind == KEYS_COLLECT || kind == KEYS_CONSOLE;
	char file[KEYFILE_NAME_MAX];
	int rc = 0;
	if (server && hosts && hosts->n)
		own = *hosts;
	else if (server && before)
		keycert_hosts(before, &own);
	if (server && !own.n)
		default_hosts(&own);
	if (kind == KEYS_COLLECT && (rc = read_current(k, KEYS_CA, &ca, err)) != 0)
		return rc;
	struct keycert_want want = {
		.kind = kind, .now_s = k->now_s, .hosts = &own, .issuer = kind == KEYS_COLLECT ? &ca : NULL
	};
	rc = keycert_make(&want, &made, err);
	if (!rc) {
		current_name(file, kind);
		rc = write_file(k->dir, file, &made, KEYCERT_CERTIFICATE | KEYCERT_KEY, err);
		keycert_free(&made);
	}
	keycert_free(&ca);
	return rc;
}

/* The list of one authority out of the marks of everything it issued. */
static int list_of(const struct keys *k, const struct items *items, const struct item *authority, struct keys_pem *out,
	struct err *err)
{
	const struct keycert **revoked = mem_new((items->n + 1) * sizeof *revoked);
	size_t n = 0;
	for (size_t i = 0; i < items->n; i++) {
		const struct item *it = &items->v[i];
		if (it->info.revoked_s && it != authority && keycert_issued(&authority->c, &it->c))
			revoked[n++] = &it->c;
	}
	int rc = keycert_crl(&authority->c, revoked, n, k->now_s, out, err);
	free(revoked);
	return rc;
}

/* Makes crl.pem and trust.pem anew, and takes away what a killed rotation left. */
static int write_crl(struct keys *k, struct err *err)
{
	struct items items;
	struct keys_pem out = { 0 }, trust = { 0 };
	int rc = read_all(k, &items, err);
	for (size_t i = 0; !rc && i < items.n; i++) {
		struct item *it = &items.v[i];
		if (half_retired(&items, it))
			unlinkat(k->dir, it->file, 0);
		else if (it->info.kind == KEYS_CA && it->c.key)
			rc = list_of(k, &items, it, &out, err);
	}
	if (!rc)
		rc = keyfile_write(k->dir, "crl.pem", pem_bytes(&out), err);
	if (!rc)
		rc = keys_trust(k, &trust, err);
	if (!rc)
		rc = keyfile_write(k->dir, "trust.pem", pem_bytes(&trust), err);
	keys_pem_free(&trust);
	keys_pem_free(&out);
	items_free(&items);
	return rc;
}

int keys_make(struct keys *k, const struct keys_hosts *hosts, struct err *err)
{
	int made = 0, rc = 0;
	ENSURE(k->lock >= 0);
	for (enum keys_kind kind = KEYS_CA; !rc && kind < KEYS_SENSOR; kind++) {
		char file[KEYFILE_NAME_MAX];
		current_name(file, kind);
		if (faccessat(k->dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		rc = make_kind(k, kind, hosts, NULL, err);
		made += !rc;
	}
	if (!rc)
		rc = write_crl(k, err);
	return rc ? rc : made;
}

static int replace(struct keys *k, enum keys_kind kind, const struct keys_hosts *hosts, bool revoke, struct err *err)
{
	struct keycert old;
	struct keys_info info;
	char file[KEYFILE_NAME_MAX];
	int rc = read_current(k, kind, &old, err);
	if (rc)
		return rc;
	rc = keycert_info(&old, &info, err);
	old.retired_s = k->now_s;
	old.revoked_s = revoke ? k->now_s : 0;
	snprintf(file, sizeof file, "%s-%s.pem", kinds[kind], info.serial);
	unsigned key = kind == KEYS_CA ? KEYCERT_KEY : 0;
	if (!rc)
		rc = write_file(k->dir, file, &old, KEYCERT_MARKS | KEYCERT_CERTIFICATE | key, err);
	if (!rc)
		rc = make_kind(k, kind, hosts, &old, err);
	keycert_free(&old);
	return rc ? rc : write_crl(k, err);
}

int keys_rotate(struct keys *k, enum keys_kind kind, const struct keys_hosts *hosts, struct err *err)
{
	ENSURE(k->lock >= 0 && kind < KEYS_SENSOR);
	return replace(k, kind, hosts, false, err);
}

static int mark_revoked(struct keys *k, struct item *i, struct err *err)
{
	i->c.revoked_s = k->now_s;
	return write_file(i->info.kind == KEYS_SENSOR ? k->sensors : k->dir, i->file, &i->c,
		KEYCERT_MARKS | KEYCERT_CERTIFICATE | KEYCERT_KEY, err);
}

static bool asked_for(const struct item *i, enum keys_kind kind, const char *name, const char *serial)
{
	return i->info.kind == kind && (!name || strcmp(i->info.name, name) == 0) &&
	       (!serial || strcmp(i->info.serial, serial) == 0);
}

/* Marks what was asked for. `*current`: the current key is among it, and is left to be replaced. */
static int revoke_items(
	struct keys *k, enum keys_kind kind, const char *name, const char *serial, bool *current, struct err *err)
{
	struct items items;
	int known = 0, marked = 0, rc = read_all(k, &items, err);
	*current = kind != KEYS_SENSOR && !serial;
	for (size_t n = 0; !rc && n < items.n; n++) {
		struct item *i = &items.v[n];
		if (!asked_for(i, kind, name, serial))
			continue;
		known++;
		if (is_current(i)) {
			*current = true;
		} else if (!*current && !i->info.revoked_s) {
			rc = mark_revoked(k, i, err);
			marked += !rc;
		}
	}
	items_free(&items);
	if (!rc && !known)
		rc = err_set(err, -KEYS_ABSENT, "no %s certificate %s%s%s", kinds[kind], name ? name : "",
			serial ? " with serial " : "", serial ? serial : "");
	return rc ? rc : marked;
}

int keys_revoke(struct keys *k, enum keys_kind kind, const char *name, const char *serial, struct err *err)
{
	bool current;
	ENSURE(k->lock >= 0 && (kind == KEYS_SENSOR) == !!name);
	int marked = revoke_items(k, kind, name, serial, &current, err);
	if (marked < 0)
		return marked;
	int rc = current ? replace(k, kind, NULL, true, err) : write_crl(k, err);
	return rc ? rc : marked + current;
}

static bool good_name(const char *name)
{
	size_t n = strlen(name);
	return n >= 1 && n <= KEYS_NAME_MAX && isalnum((unsigned char)name[0]) &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

void keys_bundle_free(struct keys_bundle *b)
{
	keys_pem_free(&b->ca);
	keys_pem_free(&b->certificate);
	keys_pem_free(&b->key);
}

int keys_issue(struct keys *k, const char *name, struct keys_bundle *out, struct err *err)
{
	struct keycert ca, made;
	struct keys_info info;
	char file[KEYFILE_NAME_MAX];
	*out = (struct keys_bundle){ 0 };
	ENSURE(k->lock >= 0);
	if (!good_name(name))
		return err_set(err, -KEYS_BAD,
			"a sensor's name has up to %d letters, digits, '.', '_', '-' and begins with a letter or digit",
			KEYS_NAME_MAX);
	int rc = read_current(k, KEYS_CA, &ca, err);
	if (rc)
		return rc;
	struct keycert_want want = { .kind = KEYS_SENSOR, .name = name, .now_s = k->now_s, .issuer = &ca };
	rc = keycert_make(&want, &made, err);
	if (!rc) {
		rc = keycert_info(&made, &info, err);
		memcpy(out->serial, info.serial, sizeof out->serial);
		snprintf(file, sizeof file, "%s-%s.pem", name, info.serial);
		if (!rc)
			rc = keycert_write(&made, KEYCERT_CERTIFICATE, &out->certificate, err);
		if (!rc)
			rc = keycert_write(&made, KEYCERT_KEY, &out->key, err);
		if (!rc)
			rc = keys_trust(k, &out->ca, err);
		if (!rc)
			rc = write_file(k->sensors, file, &made, KEYCERT_CERTIFICATE, err);
		keycert_free(&made);
	}
	keycert_free(&ca);
	if (rc)
		keys_bundle_free(out);
	return rc;
}

/* ---- using ---- */

int keys_each(struct keys *k, int (*fn)(void *arg, const struct keys_info *), void *arg, struct err *err)
{
	struct items items;
	int rc = read_all(k, &items, err);
	for (size_t i = 0; !rc && i < items.n; i++)
		if (!half_retired(&items, &items.v[i]))
			rc = fn(arg, &items.v[i].info);
	items_free(&items);
	return rc;
}

int keys_load(struct keys *k, enum keys_kind kind, struct keys_pem *certificate, struct keys_pem *key, struct err *err)
{
	struct keycert c;
	*certificate = (struct keys_pem){ 0 };
	if (key)
		*key = (struct keys_pem){ 0 };
	int rc = read_current(k, kind, &c, err);
	if (rc)
		return rc;
	rc = keycert_write(&c, KEYCERT_CERTIFICATE, certificate, err);
	if (!rc && key && !c.key)
		rc = err_set(err, -KEYS_ABSENT, "%s.pem has lost its private key", kinds[kind]);
	if (!rc && key)
		rc = keycert_write(&c, KEYCERT_KEY, key, err);
	keycert_free(&c);
	if (rc)
		keys_pem_free(certificate);
	return rc;
}

int keys_show(struct keys *k, enum keys_kind kind, const char *name, const char *serial, struct keys_pem *out,
	struct err *err)
{
	struct items items;
	*out = (struct keys_pem){ 0 };
	int rc = read_all(k, &items, err);
	for (size_t n = 0; !rc && n < items.n; n++) {
		const struct item *i = &items.v[n];
		if (i->info.kind != kind || (name && strcmp(i->info.name, name) != 0) || half_retired(&items, i))
			continue;
		if (serial ? strcmp(i->info.serial, serial) == 0 : is_current(i) || kind == KEYS_SENSOR)
			rc = keycert_write(&i->c, KEYCERT_MARKS | KEYCERT_CERTIFICATE | KEYCERT_PUBLIC, out, err);
	}
	items_free(&items);
	if (!rc && !out->n)
		rc = err_set(err, -KEYS_ABSENT, "no such certificate");
	return rc;
}

int keys_trust(struct keys *k, struct keys_pem *out, struct err *err)
{
	struct items items;
	*out = (struct keys_pem){ 0 };
	int rc = read_all(k, &items, err);
	for (size_t i = 0; !rc && i < items.n; i++)
		if (items.v[i].info.kind == KEYS_CA && items.v[i].info.state < KEYS_EXPIRED &&
			!half_retired(&items, &items.v[i]))
			rc = keycert_write(&items.v[i].c, KEYCERT_CERTIFICATE, out, err);
	items_free(&items);
	if (!rc && !out->n)
		rc = err_set(err, -KEYS_ABSENT, "no certificate authority is valid");
	return rc;
}

int keys_crl(struct keys *k, struct keys_pem *out, struct err *err)
{
	*out = (struct keys_pem){ 0 };
	return keyfile_read(k->dir, "crl.pem", out, err);
}

int keys_public(struct keys *k, enum keys_kind kind, struct keys_pem *out, char id[65], struct err *err)
{
	struct keycert c;
	struct keys_info info;
	*out = (struct keys_pem){ 0 };
	int rc = read_current(k, kind, &c, err);
	if (rc)
		return rc;
	rc = keycert_info(&c, &info, err);
	if (!rc)
		memcpy(id, info.id, sizeof info.id);
	if (!rc)
		rc = keycert_write(&c, KEYCERT_PUBLIC, out, err);
	keycert_free(&c);
	return rc;
}

int keys_sign(
	struct keys *k, enum keys_kind kind, struct bytes data, uint8_t signature[KEYS_SIGNATURE], struct err *err)
{
	struct keycert c;
	ENSURE(kind == KEYS_EVIDENCE || kind == KEYS_POLICY);
	int rc = read_current(k, kind, &c, err);
	if (rc)
		return rc;
	rc = keycert_sign(&c, data, signature, err);
	keycert_free(&c);
	return rc;
}

int keys_describe(struct bytes pem, struct keys_info *out, struct err *err)
{
	struct keycert c;
	*out = (struct keys_info){ .kind = KEYS_KIND_N };
	int rc = keycert_read(pem, "certificate", &c, err);
	if (rc)
		return rc;
	rc = keycert_info(&c, out, err);
	keycert_free(&c);
	return rc;
}
