// SPDX-License-Identifier: Apache-2.0
/* What an edge between two roles carries: batches through channel and assembly, sender and receiver each a process.
 * usage: bench_edge [SECONDS] */
#include "base/mem.h"
#include "base/random.h"
#include "role/batch.h"
#include "role/channel.h"
#include "store/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FEED ((size_t)1 << 20)

struct side {
	struct loop *loop;
	struct channel *channel;
	struct assembly *assembly;
	const struct batch *batch;
	size_t at;
	uint64_t batches, octets, waiting;
	int64_t until_ns;
};

/* ---- the receiver ---- */

static void take(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct side *s = arg;
	const char *why;
	int r = assembly_add(s->assembly, m, &why);
	if (r < 0) {
		fprintf(stderr, "bench_edge: %s\n", why);
		exit(3);
	}
	if (r == 0)
		return;
	assembly_clear(s->assembly);
	channel_tell(c, MESSAGE_ACK, m->sequence);
}

static void end(void *arg, struct channel *c, const char *why)
{
	struct side *s = arg;
	channel_free(c);
	loop_stop(s->loop);
}

static int receive(int fd)
{
	struct side s = { .loop = loop_new(), .assembly = assembly_new() };
	struct channel_params p = {
		.loop = s.loop, .fd = fd, .kinds = UINT64_MAX, .handler = { .arg = &s, .message = take, .closed = end }
	};
	assembly_begin(s.assembly, 0, "bench");
	s.channel = channel_new(&p);
	loop_run(s.loop);
	return 0;
}

/* ---- the sender ---- */

static void pump(struct side *s)
{
	struct message m;
	while (channel_queued(s->channel) < FEED && s->waiting < 4) {
		size_t at = s->at;
		if (!batch_next((struct bytes){ s->batch->frames.p, s->batch->frames.n }, &at, &m)) {
			s->at = 0;
			s->waiting++;
			continue;
		}
		if (channel_send(s->channel, &m) < 0)
			return;
		s->at = at;
	}
}

static void acknowledged(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct side *s = arg;
	s->waiting--;
	s->batches++;
	s->octets += s->batch->frames.n;
	if (loop_now_ns() > s->until_ns)
		loop_stop(s->loop);
	else
		pump(s);
}

static void drained(void *arg, struct channel *c)
{
	pump(arg);
}

static void send_for(int fd, const struct batch *b, int64_t ns, const char *name)
{
	int64_t begun = loop_now_ns();
	struct side s = { .loop = loop_new(), .batch = b, .until_ns = begun + ns };
	struct channel_params p = { .loop = s.loop,
		.fd = fd,
		.kinds = UINT64_MAX,
		.handler = { .arg = &s, .message = acknowledged, .drained = drained, .closed = end } };
	s.channel = channel_new(&p);
	pump(&s);
	loop_run(s.loop);
	double took = (double)(loop_now_ns() - begun) / 1e9;
	printf("%s\t%.0f\t%.0f\n", name, (double)s.batches / took, (double)s.octets / took / 1e6);
	channel_free(s.channel);
	loop_free(s.loop);
}

static struct batch *make_batch(size_t n)
{
	struct column_buf out = { 0 };
	struct archive_encoder *e = archive_encoder_new();
	struct flow *flows = mem_new((n + 1) * sizeof *flows);
	struct batch *b = batch_new(1);
	for (size_t i = 0; i < n; i++) {
		uint64_t x = random_mix(i);
		flows[i].src = addr_from4((uint32_t)x);
		flows[i].dst = addr_from4(0xc6120000 | (uint32_t)(x >> 48));
		flows[i].sport = (uint16_t)(x >> 32);
		flows[i].dport = 23;
		flows[i].proto = 6;
		flows[i].packets = 1;
		flows[i].bytes = flows[i].ip_len = 40;
		flows[i].first_ns = flows[i].last_ns = INT64_C(28000000) * 60000000000 + (int64_t)(i * 1000 + x % 1000);
	}
	struct archive_batch a = { .flows = flows, .n = n, .minute = 28000000, .sensor = "bench", .sequence = 1 };
	archive_encode(e, &a, &out);
	batch_blocks(b, (struct bytes){ out.p, out.n });
	batch_commit(b, 1, false);
	archive_encoder_free(e);
	column_buf_free(&out);
	free(flows);
	return b;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		size_t flows;
	} rows[] = { { "empty", 0 }, { "1000 flows", 1000 }, { "100000 flows", 100000 } };
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int pair[2];
		if (channel_pair(pair) != 0)
			return 3;
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			close(pair[1]);
			_exit(receive(pair[0]));
		}
		close(pair[0]);
		struct batch *b = make_batch(rows[i].flows);
		send_for(pair[1], b, (int64_t)(seconds * 1e9), rows[i].name);
		batch_free(b);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 3;
	}
	return 0;
}
