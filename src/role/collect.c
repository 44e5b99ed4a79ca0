// SPDX-License-Identifier: Apache-2.0
/*
 * The collect role: sensors of other machines, over TLS, to the keeper. Each speaks only for the sensors that its
 * certificate names. A batch is put together and checked here before the keeper hears of it, then given whole, one
 * after the other, so neither a slow peer nor one that lies holds the others up. Nothing more is read from a peer
 * before the keeper has answered for its last batch. An answer that does not come (the keeper died) is asked for again.
 */
#include "base/mem.h"
#include "base/text.h"
#include "role/batch.h"
#include "role/members.h"
#include "role/sender.h"
#include "role/tlslink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS	     64
#define SHAKING	     64 /* connections without a certificate yet, beside them */
#define SHAKING_EACH 16 /* of one address */
#define SHAKE_NS     (10 * INT64_C(1000000000))
#define STUCK_NS     (60 * INT64_C(1000000000))	 /* takes no answers */
#define LARGE_NS     (600 * INT64_C(1000000000)) /* for a large batch while others wait with theirs */
#define KEEPER_NS    (45 * INT64_C(1000000000))	 /* without a keeper; then begin anew */
#define SMALL	     ((size_t)1 << 20)
#define LARGE	     4 /* batches above SMALL in memory at once */
#define ANSWERS	     ((size_t)64 << 10)
#define FEED	     ((size_t)1 << 20) /* octets in the keeper's channel at once */
#define LINES	     20		       /* told in LINES_TICKS seconds; more are counted alone */
#define LINES_TICKS  10

struct job {
	struct job *next;
	uint64_t peer; /* its serial number: it may be gone */
	struct sender_hello hello;
	bool greet; /* else a batch */
	bool begun, large;
	uint64_t sequence;
	struct message_buf frames;
	size_t sent;
};

struct peer {
	struct collect *collect;
	struct tlslink *link;
	uint64_t serial;
	char address[TLSLINK_ADDRESS];
	struct sender_hello hello;
	bool greeted, large, wants_large, counted;
	int64_t large_ns;
	uint64_t sequence; /* of the batch that comes */
	struct message_buf frames;
};

struct collect {
	struct member *m;
	int fd;
	struct tlslink_keys *keys;
	struct peer *peers[PEERS + SHAKING];
	uint64_t serial;
	struct assembly *assembly; /* to look at what came */
	struct channel *keeper;
	int64_t alone_ns;  /* since when there is no keeper */
	uint64_t speaking; /* whose batches the keeper expects */
	struct job *first, **last;
	unsigned large, lines, ticks;
};

static void pump(struct collect *c);

/* ---- peers ---- */

static void say(struct collect *c, const struct peer *p, const char *what)
{
	char safe[512], name[256];
	const char *cn = tlslink_common_name(p->link);
	if (c->lines++ >= LINES)
		return;
	text_escape(name, sizeof name, cn, strlen(cn));
	text_escape(safe, sizeof safe, what, strlen(what));
	member_say(c->m, "%s%s%s: %s", p->address, name[0] ? " " : "", name, safe);
}

static void give_large(struct collect *c)
{
	c->large--;
	for (size_t i = 0; i < PEERS + SHAKING; i++) {
		struct peer *p = c->peers[i];
		if (!p || !p->wants_large)
			continue;
		p->wants_large = false;
		p->large = true;
		p->large_ns = loop_now_ns();
		c->large++;
		tlslink_pause(p->link, false);
		return;
	}
}

static void publish(struct collect *c)
{
	uint64_t n = 0;
	for (size_t i = 0; i < PEERS + SHAKING; i++)
		n += c->peers[i] && tlslink_up(c->peers[i]->link);
	counters_set(COUNTER_PEERS, n);
}

static void peer_free(struct peer *p)
{
	struct collect *c = p->collect;
	for (size_t i = 0; i < PEERS + SHAKING; i++)
		if (c->peers[i] == p)
			c->peers[i] = NULL;
	tlslink_free(p->link);
	free(p->frames.p);
	if (p->large)
		give_large(c);
	free(p);
	publish(c);
}

/* Against the rules. */
static void cut_off(struct peer *p, const char *why)
{
	counters_add(COUNTER_PEERS_REFUSED, 1);
	p->counted = true;
	say(p->collect, p, why);
	peer_free(p);
}

static struct peer *peer_by(const struct collect *c, uint64_t serial)
{
	for (size_t i = 0; i < PEERS + SHAKING; i++)
		if (c->peers[i] && c->peers[i]->serial == serial)
			return c->peers[i];
	return NULL;
}

/* ---- jobs for the keeper ---- */

static void add_job(struct peer *p, bool greet)
{
	struct collect *c = p->collect;
	struct job *j = mem_new(sizeof *j);
	*j = (struct job){ .peer = p->serial, .hello = p->hello, .greet = greet };
	if (!greet) {
		j->sequence = p->sequence;
		j->frames = p->frames;
		j->large = p->large;
		p->frames = (struct message_buf){ 0 };
		p->large = false;
	}
	*c->last = j;
	c->last = &j->next;
	tlslink_pause(p->link, true);
	pump(c);
}

static void end_job(struct collect *c, const struct message *answer)
{
	struct job *j = c->first;
	struct peer *p = peer_by(c, j->peer);
	bool large = j->large;
	c->first = j->next;
	if (!c->first)
		c->last = &c->first;
	free(j->frames.p);
	free(j);
	if (large)
		give_large(c);
	if (p && tlslink_tell(p->link, answer) < 0)
		cut_off(p, "it takes no answers");
	else if (p)
		tlslink_pause(p->link, false);
	pump(c);
}

static void greet_keeper(struct collect *c, const struct job *j)
{
	struct message_buf b = { 0 };
	struct sender_hello h = j->hello;
	h.flags = j->greet ? h.flags & (SENDER_LIVE | SENDER_SINCE) : 0;
	sender_hello_put(&b, &h);
	channel_send(c->keeper, &(struct message){ .kind = MESSAGE_HELLO, .body = { b.p, b.n } });
	free(b.p);
	c->speaking = h.id;
}

static void pump(struct collect *c)
{
	struct job *j = c->first;
	struct message m;
	if (!j || !c->keeper)
		return;
	if (!j->begun && (j->greet || c->speaking != j->hello.id))
		greet_keeper(c, j);
	j->begun = true;
	while (channel_queued(c->keeper) < FEED) {
		size_t at = j->sent;
		if (!batch_next((struct bytes){ j->frames.p, j->frames.n }, &at, &m) || channel_send(c->keeper, &m) < 0)
			return;
		j->sent = at;
	}
}

static void on_answer(void *arg, struct channel *channel, const struct message *m, int fd)
{
	struct collect *c = arg;
	const struct job *j = c->first;
	if (!j || !j->begun)
		return;
	if (m->kind == MESSAGE_WELCOME ? j->greet : !j->greet && m->sequence == j->sequence)
		end_job(c, m);
}

static void on_drained(void *arg, struct channel *channel)
{
	pump(arg);
}

/* What it has not answered is given again to the next: it knows its numbers. */
static void on_keeper_gone(void *arg, struct channel *channel, const char *why)
{
	struct collect *c = arg;
	channel_free(channel);
	c->keeper = NULL;
	c->alone_ns = loop_now_ns();
	c->speaking = 0;
	if (c->first) {
		c->first->begun = false;
		c->first->sent = 0;
	}
}

static void collect_edge(struct member *m, enum role_id role, unsigned index, int fd)
{
	struct collect *c = m->state;
	struct channel_handler h = { .arg = c, .message = on_answer, .drained = on_drained, .closed = on_keeper_gone };
	if (role != ROLE_KEEPER) {
		close(fd);
		return;
	}
	if (c->keeper)
		on_keeper_gone(c, c->keeper, "");
	c->keeper = member_channel(m, role, fd, &h, 0);
	pump(c);
}

/* ---- what peers say ---- */

static void on_hello(struct peer *p, const struct message *m)
{
	if (p->frames.n || sender_hello_get(m, &p->hello) < 0) {
		cut_off(p, "cut off: a greeting that is none, or within a batch");
		return;
	}
	if (!tlslink_name(p->link, p->hello.sensor) || !sender_id_of(p->hello.id, p->hello.sensor)) {
		cut_off(p, "cut off: it speaks for a sensor that its certificate does not name");
		return;
	}
	p->greeted = true;
	add_job(p, true);
}

/* Is it what the keeper will take? A batch that isn't is refused, not the peer: it would only send it again. */
static const char *fault(struct collect *c, const struct peer *p)
{
	struct message m;
	const char *why = "";
	int r = 0;
	assembly_begin(c->assembly, p->hello.id, p->hello.sensor);
	for (size_t at = 0; r == 0 && batch_next((struct bytes){ p->frames.p, p->frames.n }, &at, &m);)
		r = assembly_add(c->assembly, &m, &why);
	assembly_clear(c->assembly);
	return r > 0 ? NULL : why;
}

static void whole(struct peer *p)
{
	struct collect *c = p->collect;
	const char *why = fault(c, p);
	struct message_buf b = { 0 };
	if (!why) {
		add_job(p, false);
		return;
	}
	counters_add(COUNTER_PEERS_REFUSED, 1);
	say(c, p, why);
	message_u32(&b, 0);
	message_text(&b, why);
	struct message m = { .kind = MESSAGE_REFUSE, .sequence = p->sequence, .body = { b.p, b.n } };
	p->frames.n = 0;
	if (p->large) {
		p->large = false;
		give_large(c);
	}
	if (tlslink_tell(p->link, &m) < 0)
		cut_off(p, "cut off: it takes no answers");
	free(b.p);
}

static void on_message(void *arg, struct tlslink *l, const struct message *m, struct bytes frame)
{
	struct peer *p = arg;
	struct collect *c = p->collect;
	if (m->kind == MESSAGE_HELLO) {
		on_hello(p, m);
		return;
	}
	if (!p->greeted || !m->sequence || (p->frames.n && m->sequence != p->sequence) ||
		p->frames.n + frame.n > FRAMES_BATCH) {
		cut_off(p, "cut off: a batch without greeting, of two numbers, or beyond the limits");
		return;
	}
	p->sequence = m->sequence;
	message_octets(&p->frames, frame.p, frame.n);
	if (m->kind == MESSAGE_COMMIT) {
		whole(p);
	} else if (p->frames.n > SMALL && !p->large) {
		p->large = c->large < LARGE;
		p->wants_large = !p->large;
		p->large_ns = loop_now_ns();
		c->large += p->large;
		if (p->wants_large)
			tlslink_pause(l, true);
	}
}

static void on_up(void *arg, struct tlslink *l)
{
	struct peer *p = arg;
	struct collect *c = p->collect;
	size_t up = 0;
	for (size_t i = 0; i < PEERS + SHAKING; i++) {
		struct peer *q = c->peers[i];
		if (!q || q == p || !tlslink_up(q->link))
			continue;
		up++;
		/* The same certificate again: the older connection is one that died unseen. */
		if (strcmp(tlslink_common_name(q->link), tlslink_common_name(l)) == 0) {
			up--;
			say(c, q, "a newer connection takes its place");
			peer_free(q);
		}
	}
	if (up >= PEERS) {
		cut_off(p, "cut off: too many sensors");
		return;
	}
	say(c, p, "connected");
	publish(c);
}

static void on_closed(void *arg, struct tlslink *l, const char *why)
{
	struct peer *p = arg;
	if (strcmp(why, "the other end was closed") != 0 && !p->counted &&
		(tlslink_common_name(l)[0] == '\0' || strncmp(why, "it sent", 7) == 0 ||
			strncmp(why, "what it", 7) == 0))
		counters_add(COUNTER_PEERS_REFUSED, 1);
	say(p->collect, p, why);
	peer_free(p);
}

/* ---- accepting ---- */

static void name_address(char out[TLSLINK_ADDRESS], const struct sockaddr_storage *a)
{
	char text[INET6_ADDRSTRLEN] = "?";
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text, sizeof text);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text, sizeof text);
	snprintf(out, TLSLINK_ADDRESS, "%s", text);
}

/* Makes room among those that have shown no certificate: the oldest goes. -1: one address has enough of them. */
static int make_room(struct collect *c, const char *address)
{
	struct peer *oldest = NULL;
	unsigned n = 0, same = 0;
	for (size_t i = 0; i < PEERS + SHAKING; i++) {
		struct peer *p = c->peers[i];
		if (!p || tlslink_up(p->link))
			continue;
		n++;
		same += strcmp(p->address, address) == 0;
		if (!oldest || p->serial < oldest->serial)
			oldest = p;
	}
	if (same >= SHAKING_EACH)
		return -1;
	if (n >= SHAKING)
		cut_off(oldest, "cut off: others wait");
	return 0;
}

static void on_accept(void *arg, int fd, short events)
{
	struct collect *c = arg;
	struct sockaddr_storage from = { 0 };
	socklen_t n = sizeof from;
	char address[TLSLINK_ADDRESS];
	size_t at = 0;
	int peer = accept4(fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0)
		return;
	name_address(address, &from);
	int room = make_room(c, address);
	while (at < PEERS + SHAKING && c->peers[at])
		at++;
	if (room < 0 || at == PEERS + SHAKING) {
		counters_add(COUNTER_PEERS_REFUSED, 1);
		close(peer);
		return;
	}
	struct peer *p = mem_new(sizeof *p);
	*p = (struct peer){ .collect = c, .serial = ++c->serial };
	memcpy(p->address, address, sizeof p->address);
	struct tlslink_params params = { .loop = c->m->loop,
		.fd = peer,
		.keys = c->keys,
		.kinds = edges_kinds(ROLE_COLLECT, ROLE_KEEPER),
		.queue_max = ANSWERS,
		.handler = { .arg = p, .up = on_up, .message = on_message, .closed = on_closed } };
	p->link = tlslink_new(&params);
	c->peers[at] = p;
}

/* Deadlines of one peer; it may be gone behind it. */
static void check(struct peer *p, int64_t now, bool wanted)
{
	if (!tlslink_up(p->link) && now - tlslink_begun_ns(p->link) > SHAKE_NS)
		tlslink_fail(p->link, "no certificate in 10 s");
	else if (tlslink_queued(p->link) && now - tlslink_moved_ns(p->link) > STUCK_NS)
		tlslink_fail(p->link, "it takes no answers");
	else if (wanted && p->large && now - p->large_ns > LARGE_NS)
		cut_off(p, "cut off: a large batch takes too long, others wait");
}

static void tell_lines(struct collect *c)
{
	if (c->lines > LINES)
		member_say(c->m, "%u more lines", c->lines - LINES);
	c->lines = 0;
}

static void on_tick(void *arg)
{
	struct collect *c = arg;
	int64_t now = loop_now_ns();
	bool wanted = false;
	for (size_t i = 0; i < PEERS + SHAKING; i++)
		wanted = wanted || (c->peers[i] && c->peers[i]->wants_large);
	for (size_t i = 0; i < PEERS + SHAKING; i++)
		if (c->peers[i])
			check(c->peers[i], now, wanted);
	if (++c->ticks % LINES_TICKS == 0)
		tell_lines(c);
	if (!c->keeper && now - c->alone_ns > KEEPER_NS)
		member_end(c->m, 3);
}

/* ---- life ---- */

static int listen_at(const struct yaml_hostport *at, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list = NULL;
	char port[8];
	int fd = -1, on = 1;
	snprintf(port, sizeof port, "%u", at->port);
	int r = getaddrinfo(at->host, port, &hints, &list);
	if (r)
		return err_set(err, -1, "collect.listen: %s: %s", at->host, gai_strerror(r));
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
				       bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 128) != 0)) {
			int why = errno;
			close(fd);
			fd = -1;
			errno = why;
		}
	}
	if (fd < 0)
		err_set(err, -1, "collect.listen: %s port %s: %s", at->host, port, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

static int collect_open(struct member *m, struct err *err)
{
	struct collect *c = mem_new(sizeof *c);
	const struct config *config = m->config;
	c->m = m;
	c->fd = -1;
	c->last = &c->first;
	c->alone_ns = loop_now_ns();
	m->state = c;
	if (!config->collect.tls.ca || !config->collect.tls.certificate || !config->collect.tls.key)
		return err_set(err, -1, "collect needs ca, certificate and key");
	if (tlslink_keys_load(&c->keys, &config->collect.tls, config->collect.revoked, true, err) < 0)
		return -1;
	c->fd = listen_at(&config->collect.listen, err);
	return c->fd < 0 ? -1 : 0;
}

static int collect_ready(struct member *m, struct err *err)
{
	struct collect *c = m->state;
	c->assembly = assembly_new();
	loop_add(m->loop, c->fd, POLLIN, on_accept, c);
	loop_timer(m->loop, 1000, on_tick, c);
	return 0;
}

static void collect_close(struct member *m)
{
	struct collect *c = m->state;
	for (size_t i = 0; i < PEERS + SHAKING; i++)
		if (c->peers[i])
			peer_free(c->peers[i]);
	while (c->first) {
		struct job *j = c->first;
		c->first = j->next;
		free(j->frames.p);
		free(j);
	}
	channel_free(c->keeper);
	assembly_free(c->assembly);
	tlslink_keys_free(c->keys);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

const struct member_role collect_role = {
	.open = collect_open,
	.ready = collect_ready,
	.edge = collect_edge,
	.close = collect_close,
};
