// SPDX-License-Identifier: Apache-2.0
/* One finding: all that is known and was said of it, and its pinned packets. */
#include "base/mem.h"
#include "store/lookup.h"
#include "store/packetring.h"
#include "view/dark.h"
#include "view/explain.h"
#include "view/list.h"
#include "view/packetout.h"
#include "view/records.h"
#include "wire/capfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct showing {
	struct view_call *c;
	struct json j;
	struct finding f;
	struct findings_said said;
};

/* 0, or VIEW_ABSENT: also when it is another tenant's. */
static int get(struct view_call *c, struct finding *f, struct findings_said *said, struct err *err)
{
	int rc = findings_get(c->store, view_text(c, "id"), c->now_ns, f, said, err);
	return rc < 0 ? VIEW_FAILED : rc ? 0 : err_set(err, VIEW_ABSENT, "there is no such finding");
}

static int put_remark(void *arg, const struct remark *r)
{
	struct showing *s = arg;
	row_json(&s->j, NULL, &remark_kind, r);
	return records_over(s->c);
}

static int put_sent(void *arg, const struct sent *r)
{
	struct showing *s = arg;
	row_json(&s->j, NULL, &sent_kind, r);
	return records_over(s->c);
}

static int put_case(void *arg, const void *record)
{
	struct showing *s = arg;
	const struct case_record *r = record;
	const char *at = r->findings;
	char id[64];
	while (row_list_next(&at, id, sizeof id))
		if (strcmp(id, s->f.id) == 0)
			json_str(&s->j, NULL, r->id);
	return records_over(s->c);
}

/* Opens the pinned packets of the finding; -1: there are none. */
static int open_pinned(const struct view_call *c, const char *id, off_t *size)
{
	struct stat st;
	int dir = packetring_dir(c->dir, false, NULL);
	int fd = dir < 0 ? -1 : packetring_open_pinned(dir, id, NULL);
	if (dir >= 0)
		close(dir);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	*size = fd >= 0 ? st.st_size : 0;
	return fd >= 0 ? fd : -1;
}

static void put_packets(struct showing *s)
{
	off_t size;
	int fd = open_pinned(s->c, s->f.id, &size);
	if (fd >= 0) {
		close(fd);
		json_u64(&s->j, "packets", (uint64_t)size);
	} else {
		json_null(&s->j, "packets");
	}
}

static int write_all(struct showing *s, struct err *err)
{
	struct lookup_sent sent = { .subject = s->f.id };
	struct json *j = &s->j;
	struct finding shown = s->f;
	dark_mask_finding(s->c, &shown);
	json_init(j, s->c->out);
	json_object(j, NULL);
	finding_json(j, "finding", &shown);
	records_said(j, &s->said);
	json_array(j, "remarks");
	int rc = lookup_remarks(s->c->store, s->f.id, put_remark, s, err);
	json_end(j, ']');
	json_array(j, "cases");
	rc = rc ? rc : store_each(s->c->store, &case_kind, put_case, s, err);
	json_end(j, ']');
	json_array(j, "sent");
	rc = rc ? rc : lookup_sent(s->c->store, &sent, put_sent, s, err);
	json_end(j, ']');
	put_packets(s);
	explain_json(j, "explain", &s->f);
	json_end(j, '}');
	json_line(j);
	return records_code(rc, VIEW_FAILED);
}

static int show(struct view_call *c, struct err *err)
{
	struct showing *s = mem_new(sizeof *s);
	s->c = c;
	int rc = get(c, &s->f, &s->said, err);
	rc = rc ? rc : write_all(s, err);
	free(s);
	return rc;
}

/* ---- packets ---- */

#define RECORDS 64
#define OCTETS	(PACKETRING_BYTES + ((size_t)1 << 20)) /* with headers */

static int copy_packets(struct view_call *c, const char *id, struct bytes file)
{
	struct capfile *cap = capfile_new();
	struct capfile_record records[RECORDS];
	uint8_t *copy = mem_new(CAPFILE_MAX_CAPLEN);
	enum capfile_status status = CAPFILE_RECORDS;
	bool headed = false;
	while (status == CAPFILE_RECORDS && !records_over(c)) {
		size_t n = 0, used = 0;
		status = capfile_read(cap, file, records, RECORDS, &n, &used);
		for (size_t i = 0; i < n; i++) {
			if (!headed)
				packetout_head(c, records[i].linktype, id);
			headed = true;
			packetout_packet(c, &records[i], copy);
		}
		file = bytes_from(file, used);
	}
	if (!headed)
		packetout_head(c, LINK_RAW, id);
	free(copy);
	capfile_free(cap);
	return 0;
}

static int pcap(struct view_call *c, struct err *err)
{
	off_t size;
	struct finding *f = mem_new(sizeof *f);
	int rc = get(c, f, NULL, err);
	if (!rc && strcmp(f->subject, "(masked)") == 0)
		rc = err_set(err, VIEW_REFUSED,
			"these packets tell who a subscriber is: that needs the right see-subscriber");
	int fd = rc ? -1 : open_pinned(c, f->id, &size);
	if (!rc && fd < 0)
		rc = err_set(err, VIEW_ABSENT, "no packets are kept for this finding");
	if (!rc && (uint64_t)size > OCTETS)
		rc = err_set(err, VIEW_TOO_LARGE, "more packets than can be handed out");
	if (!rc) {
		uint8_t *p = mem_new((size_t)size + 1);
		ssize_t n = read(fd, p, (size_t)size);
		rc = n < 0 ? err_set(err, VIEW_FAILED, "the packets can't be read")
			   : copy_packets(c, f->id, (struct bytes){ p, (size_t)n });
		free(p);
	}
	if (fd >= 0)
		close(fd);
	free(f);
	return rc;
}

static const struct view_param params[] = { { "id", VIEW_TEXT, "of the finding" } };

const struct view finding_view = {
	.method = "GET",
	.path = "/findings/{id}",
	.level = VIEW_VIEWER,
	.summary = "One finding: what was said of it, the alerts that went out, and why it was concluded",
	.params = params,
	.params_n = 1,
	.answer = "{finding: {" RECORDS_FINDING "}, " RECORDS_SAID
		  ", remarks: [@remark], cases: [text], sent: [@sent], packets: integer|null, explain: " EXPLAIN_SHAPE
		  "}",
	.fn = show,
};

const struct view finding_pcap_view = {
	.method = "GET",
	.path = "/findings/{id}/pcap",
	.level = VIEW_VIEWER,
	.summary = "The packets that are pinned to it; dark addresses as stand-ins, with checksums made right",
	.params = params,
	.params_n = 1,
	.answer = "application/vnd.tcpdump.pcap",
	.fn = pcap,
};
