// SPDX-License-Identifier: Apache-2.0
/*
 * The alert role: what the keeper has made safe, and what is wrong with the system itself, to people. It reads the
 * other roles' counters, so a role that died without a word is missed all the same.
 */
#include "base/mem.h"
#include "base/zone.h"
#include "role/alertparams.h"
#include "role/members.h"
#include "role/sender.h"
#include "role/status.h"
#include "store/keys.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES	 128
#define FDS	 256
#define CERTIFICATES 256 /* of this installation; read at each start of the role */
#define WATCH_MS 5000
#define STEP_MS	 250
#define STOP_MS	 3000

struct alert_role {
	struct member *m;
	struct alert *alert;
	struct alert_watch *watch;
	struct alertparams *params;
	struct sender *sender;
	struct batch *out; /* marks */
	struct {
		char name[64];
		const struct counters *shared; /* the other role writes in it as it likes */
	} pages[PAGES];
	size_t pages_n;
	struct pollfd fds[FDS];
	size_t fds_n;
	struct alert_watch_certificate certificates[CERTIFICATES];
	char certificate_names[CERTIFICATES][96];
	size_t certificates_n;
	bool known; /* the marks of before have come: from now on alarms can be told */
};

/* ---- marks ---- */

static void flush(struct alert_role *a)
{
	if (!a->out || !sender_welcomed(a->sender))
		return;
	a->out->sequence = sender_sequence(a->sender);
	struct batch *b = batch_new(a->out->sequence);
	struct message m;
	for (size_t at = 0; batch_next((struct bytes){ a->out->frames.p, a->out->frames.n }, &at, &m);)
		batch_add(b, m.kind, m.count, m.body.p, m.body.n);
	batch_free(a->out);
	a->out = NULL;
	batch_commit(b, 0, false);
	sender_give(a->sender, b);
}

static void on_mark(void *arg, const struct alert_mark *mark)
{
	struct alert_role *a = arg;
	struct sent s;
	alertparams_sent(mark, a->m->config->network.tenant, &s);
	if (!a->out)
		a->out = batch_new(0);
	batch_row(a->out, MESSAGE_SENT, &sent_kind, &s);
	enum counter k = mark->state == ALERT_FAILED	? COUNTER_ALERTS_FAILED
			 : mark->state == ALERT_DROPPED ? COUNTER_ALERTS_DROPPED
							: COUNTER_ALERTS_SENT;
	counters_add(k, 1);
}

/* ---- deliveries ---- */

static void step(void *arg);

static void on_ready(void *arg, int fd, short events)
{
	step(arg);
}

/* The library's descriptors change with every step. */
static void follow_fds(struct alert_role *a)
{
	for (size_t i = 0; i < a->fds_n; i++)
		loop_remove(a->m->loop, a->fds[i].fd);
	a->fds_n = alert_fds(a->alert, a->fds, FDS);
	for (size_t i = 0; i < a->fds_n; i++)
		loop_add(a->m->loop, a->fds[i].fd, a->fds[i].events, on_ready, a);
}

static void step(void *arg)
{
	struct alert_role *a = arg;
	alert_poll(a->alert, loop_clock_ns());
	follow_fds(a);
	flush(a);
	counters_set(COUNTER_ALERTS_WAITING, alert_waiting(a->alert));
}

/* ---- the system itself ---- */

static void on_alarm(void *arg, const struct alert_alarm *alarm)
{
	struct alert_role *a = arg;
	alert_alarm(a->alert, alarm, loop_clock_ns());
}

struct view {
	struct alert_watch_sensor sensors[PAGES];
	struct alert_watch_dark dark[PAGES * 4];
	struct alert_watch_role roles[PAGES];
	int64_t deaths[PAGES][16];
	struct alert_watch_disk disk;
	struct alert_watch_keeper keeper;
	struct alert_watch_spool spool;
	size_t sensors_n, dark_n, roles_n, disks_n, keepers_n, spools_n;
};

static void see_sensor(struct view *v, const struct status_page *from, const struct config *c)
{
	const struct counters *page = &from->c;
	if (v->sensors_n == PAGES)
		return;
	struct alert_watch_sensor *s = &v->sensors[v->sensors_n++];
	bool running = atomic_load(&page->state) == STATE_RUNNING;
	*s = (struct alert_watch_sensor){ .name = from->sensor ? from->sensor : from->name,
		.started_ns = atomic_load(&page->started_ns),
		.last_packet_ns = (int64_t)counters_get(page, COUNTER_LAST_PACKET),
		.last_minute_ns = (int64_t)counters_get(page, COUNTER_LAST_MINUTE),
		.clock = (enum alert_watch_clock)(counters_get(page, COUNTER_CLOCK_STATE) % 3),
		.offset_ns = (int64_t)counters_get(page, COUNTER_CLOCK_OFFSET),
		.link = page->index < c->sensors.n ? c->sensors.v[page->index].interface : NULL,
		.link_up = running,
		.dark = &v->dark[v->dark_n] };
	for (uint32_t i = 0; i < page->prefixes_n && i < COUNTERS_PREFIXES && v->dark_n < PAGES * 4; i++) {
		v->dark[v->dark_n++] = (struct alert_watch_dark){ page->prefix[i], atomic_load(&page->prefix_last_ns[i]) };
		s->dark_n++;
	}
}

/* Sensors elsewhere: when their last batch came. */
static void see_peers(struct view *v, const struct counters *page)
{
	for (uint32_t i = 0; i < page->prefixes_n && i < COUNTERS_PREFIXES && v->sensors_n < PAGES; i++) {
		int64_t last = atomic_load(&page->prefix_last_ns[i]);
		v->sensors[v->sensors_n++] = (struct alert_watch_sensor){
			.name = page->prefix[i], .started_ns = last, .last_packet_ns = last, .last_minute_ns = last, .link_up = true
		};
	}
}

static void see_keeper(struct view *v, const struct status_page *from)
{
	const struct counters *page = &from->c;
	v->disk = (struct alert_watch_disk){ "store", counters_get(page, COUNTER_DISK_FREE),
		counters_get(page, COUNTER_DISK_TOTAL) };
	v->disks_n = 1;
	v->keeper = (struct alert_watch_keeper){ .name = from->name,
		.last_commit_ns = (int64_t)counters_get(page, COUNTER_LAST_COMMIT) };
	v->keepers_n = 1;
	see_peers(v, page);
}

/* The way to the store elsewhere: told as a link that is up or down. */
static void see_forward(struct view *v, const struct counters *page, const struct config *c)
{
	int64_t now = loop_clock_ns();
	v->spool = (struct alert_watch_spool){ "spool", counters_get(page, COUNTER_SPOOL_BYTES), c->forward.spool.size };
	v->spools_n = 1;
	if (v->sensors_n == PAGES)
		return;
	v->sensors[v->sensors_n++] = (struct alert_watch_sensor){ .name = "forward",
		.started_ns = now,
		.last_packet_ns = now,
		.last_minute_ns = now,
		.clock = ALERT_CLOCK_UNKNOWN,
		.link = c->forward.to.host,
		.link_up = counters_get(page, COUNTER_LINK) != 0 };
}

static void see_role(struct view *v, const struct status_page *from)
{
	const struct counters *page = &from->c;
	uint32_t n = atomic_load(&page->restarts);
	struct alert_watch_role *r = &v->roles[v->roles_n];
	for (uint32_t i = 0; i < 16 && i < n; i++)
		v->deaths[v->roles_n][i] = atomic_load(&page->deaths_ns[i]);
	*r = (struct alert_watch_role){ from->name, v->deaths[v->roles_n], n < 16 ? n : 16 };
	v->roles_n++;
}

static void watch(void *arg)
{
	struct alert_role *a = arg;
	static struct view v;
	static struct status_page copies[PAGES];
	uint64_t waiting = 0;
	if (!a->known)
		return;
	memset(&v, 0, sizeof v);
	for (size_t i = 0; i < a->pages_n; i++) {
		struct status_page *page = &copies[i];
		struct bytes shared = { (const void *)a->pages[i].shared, sizeof page->c };
		if (status_parse(a->pages[i].name, shared, page))
			continue;
		see_role(&v, page);
		/* A replay's times are those of its file. */
		if (page->role == ROLE_CAPTURE && !a->m->options.replay)
			see_sensor(&v, page, a->m->config);
		else if (page->role == ROLE_KEEPER)
			see_keeper(&v, page);
		else if (page->role == ROLE_FORWARD)
			see_forward(&v, &page->c, a->m->config);
		if (page->role == ROLE_CAPTURE || page->role == ROLE_COLLECT)
			waiting += counters_get(&page->c, COUNTER_WAITING) > 0;
	}
	v.keeper.waiting = waiting;
	struct alert_snapshot s = { .now_ns = loop_clock_ns(),
		.sensors = v.sensors,
		.sensors_n = v.sensors_n,
		.roles = v.roles,
		.roles_n = v.roles_n,
		.disks = &v.disk,
		.disks_n = v.disks_n,
		.keepers = &v.keeper,
		.keepers_n = v.keepers_n,
		.spools = &v.spool,
		.spools_n = v.spools_n,
		.certificates = a->certificates,
		.certificates_n = a->certificates_n };
	alert_watch_step(a->watch, &s, on_alarm, a);
	counters_set(COUNTER_ALARMS, alert_watch_counts(a->watch).standing);
	step(a);
}

/* ---- from the keeper ---- */

static void on_sent(struct alert_role *a, struct message_reader *in)
{
	struct sent s;
	struct alert_mark mark;
	message_get_row(in, &sent_kind, &s);
	if (!message_whole(in) || alertparams_mark(&s, &mark) < 0)
		return;
	alert_known(a->alert, &mark);
	alert_watch_known(a->watch, &mark);
}

static void on_keeper(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct alert_role *a = arg;
	struct message_reader in = { .in = m->body };
	const struct config *conf = a->m->config;
	static struct finding f;
	static struct signal s;
	const char *tenant;
	switch (m->kind) {
	case MESSAGE_SENT:
		on_sent(a, &in);
		return;
	case MESSAGE_END:
		a->known = true;
		break;
	case MESSAGE_FINDING:
		message_get_finding(&in, &f);
		tenant = alertparams_tenant(conf, f.sensor);
		if (message_whole(&in))
			alert_finding(a->alert, &f, tenant ? tenant : conf->network.tenant, loop_clock_ns());
		break;
	case MESSAGE_SIGNAL:
		message_get_signal(&in, &s);
		tenant = alertparams_tenant(conf, s.sensor);
		if (message_whole(&in))
			alert_signal(a->alert, &s, tenant ? tenant : conf->network.tenant, loop_clock_ns());
		break;
	default:
		return;
	}
}

static void keeper_closed(void *arg, const char *why)
{
	/* Another comes; it tells its marks again, and that does no harm. */
}

static void on_empty(void *arg)
{
	struct alert_role *a = arg;
	if (a->m->stopping && !a->out)
		member_end(a->m, 0);
}

static void on_welcome(void *arg)
{
	flush(arg);
}

/* ---- life ---- */

static void map_pages(struct alert_role *a)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/run", a->m->options.store);
	DIR *d = opendir(path);
	struct dirent *e;
	while (d && (e = readdir(d)) && a->pages_n < PAGES) {
		char *end = strstr(e->d_name, ".counters");
		int fd = end ? openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (fd < 0)
			continue;
		struct counters *page = counters_map(fd, false);
		if (page) {
			a->pages[a->pages_n].shared = page;
			snprintf(a->pages[a->pages_n++].name, sizeof a->pages->name, "%.*s", (int)(end - e->d_name),
				e->d_name);
		}
		close(fd);
	}
	if (d)
		closedir(d);
}

static int note_certificate(void *arg, const struct keys_info *k)
{
	struct alert_role *a = arg;
	if (k->state != KEYS_CURRENT || a->certificates_n == CERTIFICATES)
		return 0;
	char *name = a->certificate_names[a->certificates_n];
	snprintf(name, sizeof a->certificate_names[0], "%s%s%s", keys_kind_name(k->kind),
		k->kind == KEYS_SENSOR ? " " : "", k->kind == KEYS_SENSOR ? k->name : "");
	a->certificates[a->certificates_n++] = (struct alert_watch_certificate){ name, k->to_s * 1000000000 };
	return 0;
}

/* Dates alone; the keys themselves stay in their files. A store without keys has none that end. */
static void note_certificates(struct alert_role *a)
{
	struct err err = { "" };
	int code = 0;
	struct keys *k = keys_open(a->m->options.store, KEYS_READ, loop_clock_ns() / 1000000000, &code, &err);
	if (k && keys_each(k, note_certificate, a, &err) < 0)
		member_say(a->m, "dates of certificates: %s", err.text);
	if (k)
		keys_close(k);
}

static int alert_open(struct member *m, struct err *err)
{
	struct alert_role *a = mem_new(sizeof *a);
	char host[256] = "";
	struct sender_params sp = { .id = sender_id("", "alert"), .arg = a, .empty = on_empty, .welcome = on_welcome,
		.message = on_keeper, .closed = keeper_closed };
	m->state = a;
	a->m = m;
	a->sender = sender_new(&sp);
	gethostname(host, sizeof host - 1);
	if (alert_global_init(err) < 0)
		return -1;
	a->params = alertparams_new(m->config, host, host, true, err);
	if (!a->params)
		return -1;
	map_pages(a);
	note_certificates(a);
	struct alert_params p = alertparams_get(a->params);
	p.mark = on_mark;
	p.arg = a;
	a->alert = alert_new(&p, err);
	alertparams_free(a->params);
	a->params = NULL;
	struct alert_watch_limits limits = alertparams_watch(m->config);
	a->watch = alert_watch_new(&limits);
	return a->alert ? 0 : -1;
}

static int alert_ready(struct member *m, struct err *err)
{
	struct alert_role *a = m->state;
	if (m->config->time_zone && zone_set(m->config->time_zone, err) < 0)
		return -1;
	/* Where the store is elsewhere, no marks come: alarms alone are told here. */
	a->known = m->config->forward.to.host != NULL;
	loop_timer(m->loop, STEP_MS, step, a);
	loop_timer(m->loop, WATCH_MS, watch, a);
	return 0;
}

static void alert_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct alert_role *a = m->state;
	struct channel_handler h = sender_handler(a->sender);
	sender_attach(a->sender, member_channel(m, peer, fd, &h, 0));
}

static void give_up(void *arg)
{
	struct alert_role *a = arg;
	member_end(a->m, 0);
}

/* What is under way gets a moment; the rest is told by the next start, for it has no mark. */
static void alert_stop(struct member *m)
{
	struct alert_role *a = m->state;
	step(a);
	if (!alert_waiting(a->alert) && sender_idle(a->sender))
		member_end(m, 0);
	else
		loop_after(m->loop, alert_waiting(a->alert) ? STOP_MS : STEP_MS * 2, give_up, a);
}

static void alert_close(struct member *m)
{
	struct alert_role *a = m->state;
	alert_free(a->alert);
	alert_watch_free(a->watch);
	sender_free(a->sender);
	batch_free(a->out);
	for (size_t i = 0; i < a->pages_n; i++)
		counters_unmap((struct counters *)a->pages[i].shared);
	free(a);
}

/* What looking up names and checking certificates needs. */
static const struct sandbox_paths *alert_paths(struct member *m)
{
	static const char *const read[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
		"/etc/gai.conf", "/etc/services", "/etc/ssl", "/etc/ca-certificates", "/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", "/etc/localtime", "/usr/share/zoneinfo", NULL };
	static const struct sandbox_paths paths = { .read = read, .tcp = true };
	return &paths;
}

const struct member_role alert_role = {
	.open = alert_open,
	.ready = alert_ready,
	.edge = alert_edge,
	.stop = alert_stop,
	.close = alert_close,
	.paths = alert_paths,
};
