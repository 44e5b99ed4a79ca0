// SPDX-License-Identifier: Apache-2.0
/* sakimori range: traffic of our own making. Writes files, sends nothing. */
#include "cmd/range.h"

#include "base/zone.h"
#include "range/traffic.h"
#include "wire/link.h"
#include "wire/pcapwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000

struct traffic_options {
	const char *profile, *dark, *own, *start, *truth, *output;
	uint64_t packets, seed;
	bool ns;
};

static const struct cli_option traffic_options[] = {
	{ "profile", 'p', CLI_CHOICE, CLI_FIELD(struct traffic_options, profile),
		"worst|repeat|demo|flood|sparse|jump|ip6", "kind of traffic (default: demo)" },
	{ "packets", 'n', CLI_NUMBER, CLI_FIELD(struct traffic_options, packets), "N",
		"number of packets (default: the profile's)" },
	{ "seed", 's', CLI_NUMBER, CLI_FIELD(struct traffic_options, seed), "N",
		"the same seed gives the same bytes (default: 1)" },
	{ "dark", 0, CLI_TEXT, CLI_FIELD(struct traffic_options, dark), "PREFIX",
		"dark prefix that all packets go to (default: 198.18.0.0/16, ip6: "
		"2001:db8:d::/48)" },
	{ "own", 0, CLI_TEXT, CLI_FIELD(struct traffic_options, own), "PREFIX",
		"demo: the operator's live range (default: 203.0.113.0/24)" },
	{ "start", 0, CLI_TEXT, CLI_FIELD(struct traffic_options, start), "TIME",
		"time of the first packets, RFC 3339 or seconds since 1970 (default: "
		"2026-01-01T00:00:00Z)" },
	{ "ns", 0, CLI_FLAG, CLI_FIELD(struct traffic_options, ns), NULL, "write nanoseconds instead of microseconds" },
	{ "truth", 0, CLI_TEXT, CLI_FIELD(struct traffic_options, truth), "FILE",
		"also write who was planted and how often it shows, as JSON" },
	{ "output", 'o', CLI_TEXT, CLI_FIELD(struct traffic_options, output), "FILE",
		"capture to write, - for standard output" },
};

static int usage(const char *option, const char *reason)
{
	fprintf(stderr, "sakimori range traffic: --%s: %s\n", option, reason);
	return CLI_USAGE;
}

static int fill(const struct traffic_options *o, struct traffic_params *p)
{
	struct err err;
	traffic_params_init(p, o->profile ? traffic_profile_find(o->profile) : TRAFFIC_DEMO);
	p->packets = o->packets;
	p->seed = o->seed ? o->seed : 1;
	if (o->dark && prefix_parse(o->dark, &p->dark, &err))
		return usage("dark", err.text);
	if (o->own && prefix_parse(o->own, &p->own, &err))
		return usage("own", err.text);
	if (o->start && zone_parse(o->start, &p->start_ns))
		return usage("start", "neither RFC 3339 (2026-01-01T00:00:00Z) nor seconds since 1970");
	return 0;
}

static int failed(const char *what, int code)
{
	fprintf(stderr, "sakimori range traffic: %s: %s\n", what, strerror(-code));
	return CLI_FAILED;
}

static int emit(void *arg, int64_t ns, struct bytes frame)
{
	return pcapwrite_packet(arg, ns, frame, (uint32_t)frame.n);
}

static int write_truth(const struct traffic *t, const char *path)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return failed(path, -errno);
	traffic_truth(t, f);
	int bad = ferror(f);
	if (fclose(f) || bad)
		return failed(path, -errno);
	return CLI_DONE;
}

static int generate(const struct traffic_options *o, struct traffic *t, int fd)
{
	struct pcapwrite *w = pcapwrite_new(fd, o->ns ? PCAPWRITE_NS : PCAPWRITE_US, LINK_ETHERNET);
	int rc = traffic_run(t, emit, w), end = pcapwrite_free(w);
	if (rc || end)
		return failed(o->output, rc ? rc : end);
	return o->truth ? write_truth(t, o->truth) : CLI_DONE;
}

static int run_traffic(const struct cli_global *global, const void *options, int argc, char **argv)
{
	const struct traffic_options *o = options;
	struct traffic_params params;
	struct err err;
	if (!o->output)
		return usage("output", "names the capture to write, - for standard output");
	bool to_stdout = strcmp(o->output, "-") == 0;
	if (to_stdout && isatty(STDOUT_FILENO))
		return usage("output", "a capture is not written to a terminal");
	int rc = fill(o, &params);
	if (rc)
		return rc;
	struct traffic *t = traffic_new(&params, &err);
	if (!t) {
		fprintf(stderr, "sakimori range traffic: %s\n", err.text);
		return CLI_USAGE;
	}
	int fd = to_stdout ? STDOUT_FILENO : open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	rc = fd < 0 ? failed(o->output, -errno) : generate(o, t, fd);
	if (!to_stdout && fd >= 0 && close(fd) && !rc)
		rc = failed(o->output, -errno);
	traffic_free(t);
	return rc;
}

static const struct cli_command commands[] = {
	{ "range", "traffic", NULL, "Write a capture of made-up darknet traffic, the same for the same seed",
		traffic_options, sizeof traffic_options / sizeof *traffic_options, sizeof(struct traffic_options),
		run_traffic },
};

const struct cli_noun range_noun = { "range", "networks and traffic of one's own making", commands,
	sizeof commands / sizeof *commands };
