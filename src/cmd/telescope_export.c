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
#include "model/match.h"
#include "wire/capfile.h"
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
			if (match_packet(m, &p, clock))
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
