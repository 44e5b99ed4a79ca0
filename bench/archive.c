// SPDX-License-Identifier: Apache-2.0
/*
 * What the flow archive costs: octets a flow and CPU a flow to sort, compress and sum, and flows a second to read back. The flows are the
 * worst case: 200,000 Zipf sources with a fixed behaviour each look at one dark /16 and almost no key repeats.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "store/archive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SOURCES 200000u
#define FLOWS 500000u
#define ROUNDS 5

enum behaviour { MIRAI, ZMAP, MASSCAN, CONNECT, NMAP, UDP, PING, SYN_ACK, RESET, UNREACHABLE, BEHAVIOURS };

static const double shares[BEHAVIOURS] = { .24, .19, .11, .18, .03, .08, .04, .09, .025, .015 };
static const uint16_t common_ports[] = { 23, 80, 443, 22, 8080, 3389, 445, 5555, 8443, 2323, 1433, 6379, 3306, 5900, 81, 8728 };

struct behaving {
	uint64_t hash;
	enum behaviour what;
	uint8_t ttl;
	uint16_t port, sport;
};

static struct behaving source_of(uint32_t k)
{
	struct behaving b = { .hash = random_mix(k + UINT64_C(0x5eed)) };
	double x = (double)(random_mix(b.hash) >> 11) * 0x1p-53;
	while (b.what < BEHAVIOURS - 1 && x >= shares[b.what])
		x -= shares[b.what++];
	static const uint8_t starts[] = { 64, 64, 64, 128, 255 };
	b.ttl = (uint8_t)(starts[b.hash % 5] - 5 - b.hash / 5 % 24);
	b.port = b.hash >> 8 & 7 ? common_ports[(b.hash >> 12 & 15) * (b.hash >> 16 & 15) / 15] : (uint16_t)(b.hash >> 20);
	b.sport = (uint16_t)(b.hash >> 40);
	return b;
}

/* One packet of the source as a flow. */
static void fill(struct flow *f, const struct behaving *b, struct random *r)
{
	f->proto = PROTO_TCP;
	f->ttl = b->ttl;
	f->dport = b->port;
	f->sport = (uint16_t)random_u64(r);
	f->ip_len = 40;
	f->tcp_flags = TCP_SYN;
	f->cls = CLASS_TCP_SYN;
	switch (b->what) {
	case MIRAI:
		f->dport = random_below(r, 10) ? 23 : 2323;
		f->tags = FLOW_MIRAI;
		break;
	case ZMAP:
		f->sport = (uint16_t)(32768 + random_below(r, 28233));
		f->tags = FLOW_ZMAP_ID;
		break;
	case MASSCAN:
		f->sport = b->sport;
		f->tags = FLOW_MASSCAN;
		break;
	case CONNECT:
		f->ip_len = b->hash & 256 ? 60 : 52;
		break;
	case NMAP:
		f->ip_len = 44;
		f->dport = (uint16_t)random_below(r, 1000);
		f->ttl = (uint8_t)(40 + random_below(r, 20));
		f->tags = FLOW_NMAP;
		break;
	case UDP:
		f->proto = PROTO_UDP;
		f->cls = CLASS_UDP;
		f->tcp_flags = 0;
		f->ip_len = (uint16_t)(28 + b->hash % 100);
		break;
	case PING:
	case UNREACHABLE:
		f->proto = PROTO_ICMP;
		f->cls = CLASS_ICMP;
		f->tcp_flags = 0;
		f->sport = b->what == PING ? 8 : 3;
		f->dport = b->what == PING ? 0 : 1;
		f->ip_len = b->what == PING ? 84 : 56;
		break;
	default:
		f->tcp_flags = b->what == SYN_ACK ? TCP_SYN | TCP_ACK : TCP_RST;
		f->cls = b->what == SYN_ACK ? CLASS_TCP_SYN_ACK : CLASS_TCP_RST;
		f->ip_len = b->what == SYN_ACK ? 44 : 40;
		f->dport = f->sport;
		f->sport = b->port;
	}
}

static void generate(struct flow *flows, size_t n, bool wide, uint64_t unit_ns, int64_t minute)
{
	double *sum = mem_new((SOURCES + 1) * sizeof *sum);
	for (uint32_t k = 0; k < SOURCES; k++)
		sum[k + 1] = sum[k] + 1.0 / (k + 1);
	struct random r;
	random_init(&r, 7);
	for (size_t i = 0; i < n; i++) {
		double x = random_unit(&r) * sum[SOURCES];
		uint32_t lo = 0, hi = SOURCES;
		while (lo + 1 < hi) {
			uint32_t mid = (lo + hi) / 2;
			*(sum[mid] <= x ? &lo : &hi) = mid;
		}
		struct behaving b = source_of(lo);
		struct flow *f = &flows[i];
		memset(f, 0, sizeof *f);
		fill(f, &b, &r);
		f->src = addr_from4((uint32_t)(random_mix(b.hash + 1) >> 32));
		f->dst = addr_from4(0x0a400000 | (uint32_t)random_below(&r, 65536));
		if (wide) {
			uint8_t s[16] = { 0x20, 0x01 }, d[16] = { 0x20, 0x01, 0x0d, 0xb8 };
			store_be32(s + 2, (uint32_t)random_mix(b.hash + 2));
			store_be32(s + 12, (uint32_t)(random_mix(b.hash + 1) >> 32));
			store_be32(d + 4, (uint32_t)random_below(&r, 65536) << 8);
			store_be32(d + 12, 1 + (uint32_t)random_below(&r, 256));
			f->src = addr_from6(s);
			f->dst = addr_from6(d);
			f->ip_len = (uint16_t)(f->ip_len + 20);
		}
		f->packets = 1 + !random_below(&r, 400);
		f->bytes = f->packets * f->ip_len;
		f->first_ns = minute * MINUTE_NS + (int64_t)(random_below(&r, MINUTE_NS / unit_ns) * unit_ns);
		f->last_ns = f->first_ns + (f->packets > 1 ? (int64_t)(random_below(&r, 1000) * unit_ns) : 0);
	}
	free(sum);
}

static double cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int add(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	uint64_t *sum = arg;
	for (size_t i = 0; i < n; i++)
		*sum += flows[i].packets;
	return 0;
}

static double read_all(struct bytes in, const struct prefix *src)
{
	struct archive_decoder *d = archive_decoder_new();
	double least = 1e30;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t sum = 0;
		struct archive_query q = { INT64_MIN, INT64_MAX, src, add, &sum };
		double start = cpu_ns();
		for (size_t at = 0; at < in.n;) {
			struct archive_header h;
			ENSURE(archive_header_parse(bytes_from(in, at), &h) == 0);
			ENSURE(archive_decode(d, &h, bytes_head(bytes_from(in, at + ARCHIVE_HEADER), h.payload), &q) == 0);
			at += ARCHIVE_HEADER + h.payload;
		}
		double ns = cpu_ns() - start;
		least = ns < least ? ns : least;
	}
	archive_decoder_free(d);
	return least;
}

static void measure(const char *name, const struct flow *flows, enum archive_level level)
{
	struct archive_encoder *e = archive_encoder_new();
	struct archive_batch b = { .flows = flows, .n = FLOWS, .minute = flows[0].first_ns / MINUTE_NS, .sensor = "bench", .level = level };
	struct column_buf out = { 0 };
	double least = 1e30;
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_ns();
		out.n = 0;
		archive_encode(e, &b, &out);
		double ns = cpu_ns() - start;
		least = ns < least ? ns : least;
	}
	struct bytes in = { out.p, out.n };
	struct prefix one = { .addr = flows[0].src, .bits = 128 };
	double all = read_all(in, NULL);
	printf("%-28s %6.2f B/flow  write %5.0f ns/flow  read %5.1f ns/flow (%.1f M flows/s)  one source %5.2f ns/flow\n", name,
		(double)out.n / FLOWS, least / FLOWS, all / FLOWS, 1e3 * FLOWS / all, read_all(in, &one) / FLOWS);
	column_buf_free(&out);
	archive_encoder_free(e);
}

int main(void)
{
	struct flow *flows = mem_map(FLOWS * sizeof *flows);
	static const struct { const char *name; bool wide; uint64_t unit_ns; enum archive_level level; } runs[] = {
		{ "IPv4, key level", false, 1000, ARCHIVE_KEY },
		{ "IPv4, all, us", false, 1000, ARCHIVE_ALL },
		{ "IPv4, all, ns", false, 1, ARCHIVE_ALL },
		{ "IPv6, key level", true, 1000, ARCHIVE_KEY },
		{ "IPv6, all, us", true, 1000, ARCHIVE_ALL },
	};
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		generate(flows, FLOWS, runs[i].wide, runs[i].unit_ns, 28000000);
		measure(runs[i].name, flows, runs[i].level);
	}
	mem_unmap(flows, FLOWS * sizeof *flows);
	return 0;
}
