// SPDX-License-Identifier: Apache-2.0
/*
 * telescope export: the packets behind a finding, unchanged, as a capture. The finding is concluded again from the
 * files; a second reading of them picks its packets.
 */
#include "cmd/telescope.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/sandbox.h"
#include "cmd/concluding.h"
#include "cmd/run.h"
#include "cmd/show.h"
#include "wire/pcapwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS 64

struct wanted {
	const char *id; /* the whole or its beginning */
	size_t n;	/* findings that fit */
	struct finding f;
};

static void choose(void *arg, const struct finding *f)
{
	struct wanted *w = arg;
	if (strncmp(f->id, w->id, strlen(w->id)) != 0)
		return;
	w->n++;
	w->f = *f;
}

/* What a packet must be to belong to the finding. */
struct match {
	const struct finding *f;
	struct addr subject;
	bool is_target;	       /* the subject receives */
	uint16_t sport, dport; /* scan-type */
	unsigned unwrap;
};

static int match_init(struct match *m, const struct finding *f)
{
	char text[128];
	unsigned sport = 0, dport = 0;
	*m = (struct match){ .f = f, .is_target = f->kind == FINDING_AMPLIFICATION };
	snprintf(text, sizeof text, "%s", f->subject);
	char *space = strchr(text, ' ');
	if (space) {
		*space = 0;
		if (sscanf(space + 1, "%u>%u", &sport, &dport) != 2)
			return -1;
	}
	m->sport = (uint16_t)sport;
	m->dport = (uint16_t)dport;
	return addr_parse(text, &m->subject, NULL);
}

static bool has_flags(const struct finding *f, uint8_t flags)
{
	char name[8];
	snprintf(name, sizeof name, "0x%02x", flags & 0x3f);
	for (uint32_t i = 0; i < f->by_flags_n; i++)
		if (strcmp(f->by_flags[i].name, name) == 0)
			return true;
	return false;
}

static bool scan_packet(const struct finding *f, const struct packet *p)
{
	if (strncmp(f->detail, "udp", 3) == 0)
		return p->cls == CLASS_UDP;
	if (strncmp(f->detail, "icmp", 4) == 0)
		return p->cls == CLASS_ICMP;
	return p->cls <= CLASS_TCP_OTHER && has_flags(f, p->tcp_flags);
}

/* An ICMP error about a packet to the subject. */
static bool quotes(const struct match *m, const struct packet *p)
{
	struct packet in;
	packet_decode_ip(p->proto == PROTO_ICMP ? ETHER_IPV4 : ETHER_IPV6, bytes_from(p->payload, 4), &in);
	if (in.layer > LAYER_IP6)
		return false;
	struct addr dst = flow_packet_dst(&in);
	return addr_same(&dst, &m->subject);
}

static bool kind_fits(const struct match *m, const struct packet *p)
{
	const struct finding *f = m->f;
	bool tcp = p->cls <= CLASS_TCP_OTHER;
	switch (f->kind) {
	case FINDING_SCAN:
		return scan_packet(f, p);
	case FINDING_SCAN_TYPE:
		return tcp && p->sport == m->sport && p->dport == m->dport;
	case FINDING_BACKSCATTER:
	case FINDING_OWN_ATTACKED:
		return tcp ? has_flags(f, p->tcp_flags) : p->cls == CLASS_UDP || p->cls == CLASS_ICMP;
	case FINDING_AMPLIFICATION:
		return strncmp(f->detail, "tcp", 3) == 0 ? p->cls == CLASS_TCP_SYN_ACK : p->proto == PROTO_UDP;
	case FINDING_ICMP_QUOTE:
		return p->cls == CLASS_ICMP && quotes(m, p);
	default:
		return true;
	}
}

static bool fits(const struct match *m, const struct packet *p, int64_t ns)
{
	if (p->layer > LAYER_IP6 || ns < m->f->first_ns || ns > m->f->last_ns)
		return false;
	struct addr src = flow_packet_src(p);
	struct addr dst = flow_packet_dst(p);
	if (m->f->kind != FINDING_ICMP_QUOTE && !addr_same(m->is_target ? &dst : &src, &m->subject))
		return false;
	return kind_fits(m, p);
}

struct out {
	int fd, linktype;
	struct pcapwrite *w;
	uint64_t packets, other_type, out_of_range;
};

static void write_one(struct out *o, const struct capfile_record *r)
{
	if (!o->w) {
		o->w = pcapwrite_new(o->fd, PCAPWRITE_NS, r->linktype);
		o->linktype = r->linktype;
	}
	/* A classic capture has one link type for all. */
	if (r->linktype != o->linktype)
		o->other_type++;
	else if (pcapwrite_packet(o->w, r->time_ns, r->data, r->wire_len) == -ERANGE)
		o->out_of_range++;
	else
		o->packets++;
}

static void pick(struct input *in, const struct match *m, struct out *o)
{
	struct capfile *c = capfile_new();
	struct capfile_record recs[RECORDS];
	ENSURE(c);
	int64_t clock = 0; /* a record without a time has that of the one before */
	for (;;) {
		size_t n, used;
		struct bytes w = input_window(in, capfile_want(c));
		enum capfile_status s = capfile_read(c, w, recs, RECORDS, &n, &used);
		for (size_t i = 0; i < n; i++) {
			struct packet p, inner;
			clock = recs[i].time_ns = recs[i].has_time ? recs[i].time_ns : clock;
			packet_decode(recs[i].linktype, recs[i].data, &p);
			if (m->unwrap && packet_unwrap(&p, m->unwrap, &inner) && inner.layer <= LAYER_IP6)
				p = inner;
			if (fits(m, &p, clock))
				write_one(o, &recs[i]);
		}
		input_consume(in, used);
		if (s == CAPFILE_BAD || (s == CAPFILE_MORE && input_window(in, capfile_want(c)).n < capfile_want(c)))
			break;
	}
	capfile_free(c);
}

static int fail(const char *text, int code)
{
	fprintf(stderr, "sakimori: %s\n", text);
	return code;
}

static int tell(const struct out *o, const struct finding *f, int code)
{
	if (o->w && pcapwrite_free(o->w) < 0)
		return fail("the capture could not be written whole", CLI_FAILED);
	fprintf(stderr, "sakimori: %s %s: %" PRIu64 " packets written of %" PRIu64 "\n", finding_kind_name(f->kind),
		f->subject, o->packets, f->packets);
	if (o->other_type || o->out_of_range)
		fprintf(stderr,
			"sakimori: left out: %" PRIu64 " of another link type, %" PRIu64
			" with a time the format can't hold\n",
			o->other_type, o->out_of_range);
	return o->packets ? code : CLI_NEGATIVE;
}

/* Is the file to be written one of those to be read? Evidence must not be lost to a slip. */
static bool same_file(const char *output, int argc, char **argv)
{
	struct stat out, in;
	if (strcmp(output, "-") == 0 || stat(output, &out) != 0 || !S_ISREG(out.st_mode))
		return false;
	for (int i = 0; i < argc; i++)
		if (stat(argv[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return true;
	return false;
}

/* Opened before the sandbox and emptied only when there is something to write. */
static int open_output(const char *path, int argc, char **argv)
{
	if (same_file(path, argc, argv))
		return fail("--output is one of the captures to read", -1);
	int fd = strcmp(path, "-") == 0 ? dup(1) : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		fprintf(stderr, "sakimori: %s: %s\n", path, strerror(errno));
	return fd;
}

static bool names_stdin(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "-") == 0)
			return true;
	return false;
}

/* Words that can't be meant: 0 or a usage error. */
static int check(const struct telescope_options *o, int argc, char **argv)
{
	if (!o->finding || !o->output)
		return fail("export needs --finding ID and --output FILE; telescope events shows the ids", CLI_USAGE);
	if (argc == 0)
		return fail("export takes packets from captures: name the files", CLI_USAGE);
	if (names_stdin(argc, argv))
		return fail("export reads its captures twice, so none can be standard input", CLI_USAGE);
	return 0;
}

/* The one finding that was asked for, ready to be compared with packets. */
static int found(const struct wanted *w, struct match *m)
{
	if (w->n == 0)
		return fail("no finding has that id", CLI_NEGATIVE);
	if (w->n > 1)
		return fail("several findings begin with that id, give more of it", CLI_NEGATIVE);
	if (match_init(m, &w->f) < 0)
		return fail("the finding has no address to look for", CLI_NEGATIVE);
	return CLI_DONE;
}

static int pick_all(struct inputs *in, const struct match *m, struct out *out, const char *path)
{
	if (strcmp(path, "-") != 0 && ftruncate(out->fd, 0) != 0 && errno != EINVAL)
		return fail(strerror(errno), CLI_FAILED);
	for (size_t i = 0; i < in->n; i++)
		if (in->items[i].in)
			pick(in->items[i].in, m, out);
	return tell(out, m->f, inputs_exit(in));
}

/* The files are opened twice before anything is parsed: once to conclude, once to pick. */
int telescope_export(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	struct wanted w = { .id = o->finding };
	struct out out = { .fd = -1 };
	struct inputs second;
	struct run r = { 0 };
	struct match m = { 0 };
	uint64_t seed = random_key();
	int code = check(o, argc, argv);
	struct concluding *e = code ? NULL : concluding_new(o, seed);
	if (!e)
		return CLI_USAGE;
	out.fd = open_output(o->output, argc, argv);
	if (out.fd < 0) {
		concluding_free(e);
		return CLI_FAILED;
	}
	inputs_open(&second, argv, argc, NULL);
	struct feed_params fp = {
		.telescope = { .seed = seed, .sink = concluding_sink(e), .unwrap = show_unwrap(&o->unwrap) }
	};
	code = run_all(&r, g, o, argc, argv, &fp);
	if (r.ran) {
		darknet_finish(concluding_darknet(e), choose, &w);
		code = found(&w, &m);
		m.unwrap = fp.telescope.unwrap;
		if (code == CLI_DONE)
			code = pick_all(&second, &m, &out, o->output);
	}
	inputs_close(&second);
	run_free(&r);
	concluding_free(e);
	close(out.fd);
	return code;
}
