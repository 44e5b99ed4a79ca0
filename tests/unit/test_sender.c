// SPDX-License-Identifier: Apache-2.0
/* Pipeline and sender against a peer that takes nothing for a while, dies, or loses its answers: each packet is kept
 * once or counted in one gap. */
#include "base/random.h"
#include "role/pipeline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID	  UINT64_C(77)
#define MINUTE0	  INT64_C(29448000)
#define FLOWS	  1000 /* a minute */
#define ROOM	  ((size_t)100 << 10)
#define ANSWERS	  (MESSAGE_BIT(MESSAGE_WELCOME) | MESSAGE_BIT(MESSAGE_ACK) | MESSAGE_BIT(MESSAGE_REFUSE))
#define QUESTIONS (~(UINT64_C(1) << MESSAGE_KIND_N))

struct peer {
	struct loop *loop;
	struct channel *channel;
	struct assembly *assembly;
	struct sender *sender;
	struct pipeline *pipeline;
	uint64_t committed, kept, dropped, repeated, refuse; /* refuse: so many batches from now on */
	unsigned gaps, other_gaps;
	int64_t gap_from, gap_to;
	bool mute; /* keeps, but its answers get lost */
};

static void answer(struct peer *p, uint64_t sequence)
{
	struct message_buf b = { 0 };
	if (p->refuse) {
		p->refuse--;
		message_u32(&b, STORE_BAD);
		message_text(&b, "no good");
		channel_send(p->channel,
			&(struct message){ .kind = MESSAGE_REFUSE, .sequence = sequence, .body = { b.p, b.n } });
		free(b.p);
	} else if (!p->mute) {
		channel_tell(p->channel, MESSAGE_ACK, sequence);
	}
}

static void take(struct peer *p)
{
	const struct store_batch *b = assembly_batch(p->assembly);
	if (b->sequence <= p->committed) {
		p->repeated++;
		channel_tell(p->channel, MESSAGE_ACK, b->sequence);
		return;
	}
	if (!p->refuse) {
		p->committed = b->sequence;
		p->kept += assembly_packets(p->assembly);
		for (size_t i = 0; i < b->gaps_n; i++) {
			bool lost = strcmp(b->gaps[i].reason, "writer-behind") == 0;
			p->dropped += b->gaps[i].dropped;
			p->gaps += lost;
			p->other_gaps += !lost;
			p->gap_from =
				!p->gap_from || b->gaps[i].from_ns < p->gap_from ? b->gaps[i].from_ns : p->gap_from;
			p->gap_to = b->gaps[i].to_ns > p->gap_to ? b->gaps[i].to_ns : p->gap_to;
		}
	}
	answer(p, b->sequence);
}

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct peer *p = arg;
	const char *why = "";
	if (m->kind == MESSAGE_HELLO) {
		assembly_begin(p->assembly, ID, "west");
		channel_tell(c, MESSAGE_WELCOME, p->committed);
		return;
	}
	int r = assembly_add(p->assembly, m, &why);
	assert_true(r >= 0);
	if (r > 0) {
		take(p);
		assembly_clear(p->assembly);
	}
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	struct peer *p = arg;
	channel_free(c);
	p->channel = NULL;
}

/* A new peer that has what the one before committed. */
static void attach(struct peer *p)
{
	int fds[2];
	assert_int_equal(channel_pair(fds), 0);
	channel_free(p->channel);
	struct channel_params a = { .loop = p->loop,
		.fd = fds[0],
		.kinds = QUESTIONS,
		.handler = { .arg = p, .message = on_message, .closed = on_closed } };
	p->channel = channel_new(&a);
	struct channel_params b = {
		.loop = p->loop, .fd = fds[1], .kinds = ANSWERS, .handler = sender_handler(p->sender)
	};
	sender_attach(p->sender, channel_new(&b));
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void turn(struct peer *p, int ms)
{
	loop_after(p->loop, ms, stop, p->loop);
	loop_run(p->loop);
}

static void on_welcome(void *arg)
{
	struct peer *p = arg;
	pipeline_welcome(p->pipeline, 0);
}

static void on_lost(void *arg, const struct batch *b, const char *why)
{
	struct peer *p = arg;
	pipeline_lost(p->pipeline, b, why);
}

static void begin(struct peer *p)
{
	*p = (struct peer){ .loop = loop_new(), .assembly = assembly_new() };
	struct sender_params s = {
		.id = ID, .sensor = "west", .max_bytes = ROOM, .arg = p, .welcome = on_welcome, .lost = on_lost
	};
	p->sender = sender_new(&s);
	struct pipeline_params l = { .sensor = "west", .sender_id = ID, .sender = p->sender };
	p->pipeline = pipeline_new(&l);
	attach(p);
	turn(p, 1);
}

static void end(struct peer *p)
{
	pipeline_free(p->pipeline);
	sender_free(p->sender);
	channel_free(p->channel);
	assembly_free(p->assembly);
	loop_free(p->loop);
}

/* Returns its packets. */
static uint64_t minute(struct peer *p, unsigned m, uint64_t *seed)
{
	struct telescope_sink to = pipeline_sink(p->pipeline);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < FLOWS; i++) {
		uint64_t r = *seed = random_mix(*seed + 1);
		int64_t at = (MINUTE0 + m) * MINUTE_NS + i;
		struct flow f = { .src = addr_from4(0xc0000200u | (r & 0xff)),
			.dst = addr_from4(0xc6120000u | i),
			.sport = (uint16_t)(r >> 8),
			.dport = (uint16_t)(r >> 24),
			.proto = 6,
			.ip_len = 40,
			.packets = 1 + (r >> 40) % 3,
			.first_ns = at,
			.last_ns = at };
		f.bytes = f.packets * f.ip_len;
		sum += f.packets;
		to.flow(to.arg, &f, false);
	}
	to.minute(to.arg, (MINUTE0 + m) * MINUTE_NS);
	return sum;
}

static void drain(struct peer *p)
{
	for (int i = 0; i < 500 && !sender_idle(p->sender); i++)
		turn(p, 1);
	assert_true(sender_idle(p->sender));
}

static void all_is_kept(void **state)
{
	struct peer p;
	uint64_t seed = 1, sum = 0;
	begin(&p);
	for (unsigned m = 0; m < 10; m++) {
		sum += minute(&p, m, &seed);
		drain(&p);
	}
	drain(&p);
	assert_int_equal(p.kept, sum);
	assert_int_equal(p.dropped, 0);
	assert_int_equal(p.repeated, 0);
	end(&p);
}

/* What finds no room is one gap with the right number, from the first minute lost to the last. */
static void behind(void **state)
{
	struct peer p;
	uint64_t seed = 2, sum = 0;
	begin(&p);
	channel_pause(p.channel, true);
	for (unsigned m = 0; m < 60; m++) {
		sum += minute(&p, m, &seed);
		assert_true(sender_waiting(p.sender) <= ROOM);
		turn(&p, 0);
	}
	channel_pause(p.channel, false);
	drain(&p);
	sum += minute(&p, 60, &seed);
	drain(&p);
	assert_true(p.kept > FLOWS && p.dropped > 10 * FLOWS);
	assert_int_equal(p.kept + p.dropped, sum);
	assert_int_equal(p.gaps, 1);
	assert_int_equal(p.other_gaps, 0);
	assert_true(p.gap_from > MINUTE0 * MINUTE_NS && p.gap_from < (MINUTE0 + 40) * MINUTE_NS);
	assert_int_equal(p.gap_to, (MINUTE0 + 60) * MINUTE_NS);
	end(&p);
}

static void refused(void **state)
{
	struct peer p;
	uint64_t seed = 3, sum = 0;
	begin(&p);
	p.refuse = 3;
	for (unsigned m = 0; m < 8; m++) {
		sum += minute(&p, m, &seed);
		turn(&p, 1);
	}
	drain(&p);
	assert_true(p.dropped >= FLOWS);
	assert_int_equal(p.kept + p.dropped, sum);
	end(&p);
}

/* Everything at random: nothing is taken, answers get lost, the peer dies in the middle of a batch. */
static void at_random(void **state)
{
	for (uint64_t round = 1; round <= 60; round++) {
		struct peer p;
		uint64_t seed = round * 1000, sum = 0;
		begin(&p);
		for (unsigned m = 0; m < 40; m++) {
			uint64_t r = seed = random_mix(seed + 1);
			sum += minute(&p, m, &seed);
			p.mute = (r & 0x700) == 0x700;
			channel_pause(p.channel, (r & 0x3000) == 0x3000);
			if (r % 5 == 0) { /* frames are in flight */
				channel_drain(p.channel);
				attach(&p);
			}
			if (r & 0x80)
				turn(&p, 0);
		}
		p.mute = false;
		attach(&p);
		drain(&p);
		sum += minute(&p, 40, &seed);
		drain(&p);
		if (p.kept + p.dropped != sum)
			fail_msg("round %u: %llu kept, %llu in gaps, %llu sent", (unsigned)round,
				(unsigned long long)p.kept, (unsigned long long)p.dropped, (unsigned long long)sum);
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_kept),
		cmocka_unit_test(behind),
		cmocka_unit_test(refused),
		cmocka_unit_test(at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
