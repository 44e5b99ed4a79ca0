// SPDX-License-Identifier: Apache-2.0
#include "role/statusjson.h"

#include "base/json.h"
#include <string.h>

static void json_moment(struct json *j, const char *key, int64_t ns)
{
	if (ns > 0)
		json_time(j, key, ns);
	else
		json_null(j, key);
}

/* By the names of counter_rows; NAME_timestamp_seconds is a time, NAME. */
static void json_counters(struct json *j, const struct status_page *p)
{
	static const char stamp[] = "_timestamp_seconds";
	char key[64];
	json_object(j, "counters");
	for (size_t k = 0; k < COUNTER_N; k++) {
		const char *name = counter_rows[k].name;
		int64_t v = (int64_t)counters_get(&p->c, (enum counter)k);
		size_t n = strlen(name), cut = n > strlen(stamp) ? n - strlen(stamp) : n;
		if (!(counter_rows[k].roles & 1u << p->role))
			continue;
		snprintf(key, sizeof key, "%.*s", (int)cut, name);
		if (strcmp(name + cut, stamp) == 0)
			json_moment(j, key, v);
		else
			json_i64(j, name, v);
	}
	json_end(j, '}');
}

/* Sensors that may not be seen are left out. */
static bool sees(const struct statusjson *o, const char *sensor)
{
	return !o->sees || !sensor || o->sees(o->arg, sensor);
}

static void json_lasts(struct json *j, const struct status_page *p, const struct statusjson *o)
{
	const struct counters *c = &p->c;
	bool capture = p->role == ROLE_CAPTURE;
	if (!c->prefixes_n || !(capture || p->role == ROLE_KEEPER))
		return;
	json_array(j, capture ? "prefixes" : "peers");
	for (size_t k = 0; k < c->prefixes_n; k++) {
		if (!capture && !sees(o, c->prefix[k]))
			continue;
		json_object(j, NULL);
		json_str(j, capture ? "prefix" : "sensor", c->prefix[k]);
		json_moment(j, capture ? "last_packet" : "last_batch", atomic_load(&c->prefix_last_ns[k]));
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void json_role(struct json *j, const struct status_page *p, const struct statusjson *o)
{
	const struct counters *c = &p->c;
	if (!sees(o, p->sensor))
		return;
	json_object(j, NULL);
	json_str(j, "name", p->name);
	json_str(j, "role", roles[p->role].name);
	if (p->sensor)
		json_str(j, "sensor", p->sensor);
	json_str(j, "state", role_state_name(atomic_load(&c->state)));
	json_i64(j, "pid", atomic_load(&c->pid));
	json_moment(j, "started", atomic_load(&c->started_ns));
	json_moment(j, "ended", atomic_load(&c->ended_ns));
	json_u64(j, "restarts", atomic_load(&c->restarts));
	json_u64(j, "ends_within_hour", status_deaths(c, o->status->now_ns));
	json_str(j, "last_end", c->last_end);
	json_str(j, "note", c->note);
	json_u64(j, "resident_bytes", atomic_load(&c->resident));
	json_counters(j, p);
	json_lasts(j, p, o);
	json_end(j, '}');
}

void statusjson_print(FILE *out, const struct statusjson *o)
{
	const struct status *s = o->status;
	static const char *const daemons[] = { "never", "running", "stopped", "killed" };
	static const char *const weights[] = { "note", "warning", "wrong" };
	const struct counters *c = &s->supervisor.c;
	struct json j;
	json_init(&j, out);
	json_object(&j, NULL);
	json_str(&j, "daemon", daemons[s->daemon]);
	json_str(&j, "version", SAKIMORI_VERSION);
	json_str(&j, "store", o->store);
	json_time(&j, "read", s->now_ns);
	json_array(&j, "problems");
	for (size_t i = 0; i < o->n; i++) {
		json_object(&j, NULL);
		json_str(&j, "weight", weights[o->findings[i].weight]);
		json_str(&j, "text", o->findings[i].text);
		json_end(&j, '}');
	}
	json_end(&j, ']');
	if (s->daemon != STATUS_NEVER) {
		json_str(&j, "config", c->config);
		json_moment(&j, "seen", atomic_load(&c->seen_ns));
		json_array(&j, "roles");
		json_role(&j, &s->supervisor, o);
		for (size_t i = 0; i < s->n; i++)
			json_role(&j, &s->v[i], o);
		json_end(&j, ']');
	}
	json_end(&j, '}');
	json_line(&j);
}
