// SPDX-License-Identifier: Apache-2.0
#include "know/knowing.h"

#include "base/text.h"
#include "know/middle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_research(struct knowing *k, const struct knowing_params *q, struct err *err)
{
	k->research = research_new();
	if (q->names.n)
		research_add_builtin(k->research);
	for (size_t i = 0; i < q->research.n; i++)
		if (research_add_file(k->research, q->research.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < q->names.n; i++)
		if (research_add_names(k->research, q->names.v[i], err) < 0)
			return -1;
	research_seal(k->research);
	return 0;
}

static int open_owner(struct knowing *k, const struct knowing_params *q, struct err *err)
{
	k->owner = owner_new();
	for (size_t i = 0; i < q->owners.n; i++)
		if (owner_add_file(k->owner, q->owners.v[i], err) < 0)
			return -1;
	owner_seal(k->owner);
	return 0;
}

/* Where tools/fetch-geo puts its files. */
static const char *fetched(char *out, size_t size)
{
	const char *home = getenv("HOME");
	if (getuid() == 0 || !home)
		snprintf(out, size, "/var/lib/sakimori/geo");
	else
		snprintf(out, size, "%s/.local/share/sakimori/geo", home);
	return out;
}

static int open_geo(struct knowing *k, const struct knowing_params *q, struct err *err)
{
	char path[4096];
	struct stat st;
	k->geo = geo_new();
	if (q->geo.n == 0) {
		/* Nobody asked for these: a damaged one is told and costs no more than its facts. */
		if (geo_add_folder(k->geo, fetched(path, sizeof path), err) < 0)
			fprintf(stderr, "sakimori: %s: going on without it\n", err->text);
		return 0;
	}
	for (size_t i = 0; i < q->geo.n; i++) {
		const char *p = q->geo.v[i];
		if (strcmp(p, "none") == 0)
			continue;
		bool folder = stat(p, &st) == 0 && S_ISDIR(st.st_mode);
		if ((folder ? geo_add_folder(k->geo, p, err) : geo_add_file(k->geo, p, err)) < 0)
			return -1;
	}
	return 0;
}

int knowing_open(struct knowing *k, const struct knowing_params *p, struct err *err)
{
	*k = (struct knowing){ 0 };
	if (open_research(k, p, err) < 0 || open_owner(k, p, err) < 0)
		return -1;
	return open_geo(k, p, err);
}

void knowing_close(struct knowing *k)
{
	research_free(k->research);
	owner_free(k->owner);
	geo_free(k->geo);
	*k = (struct knowing){ 0 };
}

const char *knowing_research(void *arg, const struct addr *a, int64_t ns)
{
	const struct knowing *k = arg;
	return research_name(k->research, a, ns);
}

const char *knowing_owner(void *arg, const struct addr *a, int64_t ns)
{
	const struct knowing *k = arg;
	return owner_line(k->owner, a, ns);
}

void knowing_place(void *arg, const struct addr *a, struct location *out)
{
	struct knowing *k = arg;
	/* The address of a struct knowing that was just opened is ::, of which nothing is known. */
	if (!addr_same(&k->at, a)) {
		k->at = *a;
		geo_find(k->geo, a, &k->location);
	}
	*out = k->location;
}

const char *knowing_key(struct knowing *k, bool as, const struct addr *a)
{
	struct location l;
	knowing_place(k, a, &l);
	if (as ? !l.has_asn : !l.country[0])
		return NULL;
	if (!as)
		snprintf(k->key, sizeof k->key, "%s", l.country);
	else
		snprintf(k->key, sizeof k->key, "%" PRIu32 " %.*s", l.asn, text_cut(l.as_name, 48), l.as_name);
	return k->key;
}

bool knowing_point(struct knowing *k, const struct addr *a, double *latitude, double *longitude)
{
	struct location l = { 0 };
	knowing_place(k, a, &l);
	*latitude = l.latitude;
	*longitude = l.longitude;
	if (!l.has_position)
		return middle_of(l.country, latitude, longitude);
	return l.longitude >= -180 && l.longitude <= 180 && l.latitude >= -90 && l.latitude <= 90;
}
