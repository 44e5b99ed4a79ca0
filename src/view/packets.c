// SPDX-License-Identifier: Apache-2.0
/*
 * /pcap: what the packet ring still has of what fits, oldest first. Everything is picked before the first octet is
 * answered, so that an answer is whole or refused; it takes as much memory as it has octets, PCAP_OCTETS at most.
 */
#include "sensor/telescope/marks.h"
#include "store/packetring.h"
#include "view/filter.h"
#include "view/list.h"
#include "view/packetout.h"
#include "view/records.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PCAP_OCTETS  ((size_t)256 << 20)
#define PCAP_PACKETS 2000000u

struct asked {
	struct view_call *call;
	struct filter *filter;
	uint8_t *room;
	bool headed;
};

/* The packet as a flow of its own: so the filter means the same here as for flows. */
static bool keep(void *arg, const struct packet *p, int64_t ns)
{
	struct asked *a = arg;
	struct flow f = { .src = flow_packet_src(p),
		.dst = flow_packet_dst(p),
		.sport = p->sport,
		.dport = p->dport,
		.proto = p->proto,
		.cls = p->cls,
		.packets = 1,
		.first_ns = ns,
		.last_ns = ns };
	if (a->filter->marks)
		f.tags = marks_of(p);
	return !records_over(a->call) && filter_flow(a->filter, &f);
}

static bool sees(void *arg, const char *sensor)
{
	const struct asked *a = arg;
	return principal_sees(a->call->store, sensor) && (!a->filter->sensor || strcmp(a->filter->sensor, sensor) == 0);
}

static int put(void *arg, const struct capfile_record *r)
{
	struct asked *a = arg;
	if (!a->headed)
		packetout_head(a->call, r->linktype, "packets");
	a->headed = true;
	packetout_packet(a->call, r, a->room);
	return records_over(a->call) ? -ECANCELED : 0;
}

static int read_ring(struct asked *a, int dir, struct err *err)
{
	struct packetring_found found;
	struct packetring_query q = { .from_ns = a->filter->from_ns,
		.to_ns = a->filter->to_ns - 1,
		.sport = -1,
		.dport = -1,
		.proto = -1,
		.max_packets = PCAP_PACKETS,
		.max_bytes = PCAP_OCTETS,
		.keep = keep,
		.sees = sees,
		.arg = a };
	int rc = packetring_each(dir, &q, put, &found, err);
	if (rc == -EFBIG)
		return err_set(err, VIEW_TOO_LARGE, "more than %u packets or %zu MiB: ask for less time", PCAP_PACKETS,
			PCAP_OCTETS >> 20);
	return rc == -ECANCELED ? VIEW_AWAY : rc ? VIEW_FAILED : 0;
}

static int packets(struct view_call *c, struct err *err)
{
	struct filter f;
	struct asked a = { .call = c, .filter = &f };
	int code = filter_init(&f, c, err);
	/* A store whose packets aren't kept has no such directory. */
	int dir = code ? -1 : packetring_dir(c->dir, false, NULL);
	a.room = mem_new(CAPFILE_MAX_CAPLEN);
	if (!code && dir >= 0)
		code = read_ring(&a, dir, err);
	if (!code && !a.headed)
		packetout_head(c, LINK_ETHERNET, "packets");
	if (dir >= 0)
		close(dir);
	free(a.room);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = { FILTER_PARAMS };

const struct view pcap_view = {
	"GET",
	"/pcap",
	VIEW_VIEWER,
	"The packets that the ring still has of what fits, oldest first, at most 2,000,000 and 256 MiB; dark addresses "
	"as "
	"stand-ins wherever they stand in a packet, with checksums made right.",
	params,
	sizeof params / sizeof *params,
	"application/vnd.tcpdump.pcap",
	packets,
};
