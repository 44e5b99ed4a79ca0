// SPDX-License-Identifier: Apache-2.0
#include "view/flowrow.h"

#include "base/text.h"
#include "view/records.h"
#include "wire/udpproto.h"

#include <inttypes.h>

static const char *const tags[] = { "zmap-id", "zmap-syn", "masscan", "mirai", "nmap", "probe", "fragment", "quote" };
#define TAGS (sizeof tags / sizeof *tags)

static const char *spoken(const struct flow *f)
{
	unsigned protocol = f->proto == PROTO_UDP ? flow_protocol(f) : 0;
	return protocol ? udp_protocol_name((enum udp_protocol)protocol) : NULL;
}

void flowrow_fields(struct json *j, const struct flow *f)
{
	char text[ADDR_TEXT_MAX];
	json_str(j, "src", addr_text(text, &f->src));
	json_str(j, "dst", addr_text(text, &f->dst));
	json_u64(j, "sport", f->sport);
	json_u64(j, "dport", f->dport);
	json_u64(j, "protocol", f->proto);
	json_u64(j, "ttl", f->ttl);
	json_u64(j, "tcp_flags", f->tcp_flags);
	json_u64(j, "ip_len", f->ip_len);
	json_u64(j, "packets", f->packets);
	json_u64(j, "bytes", f->bytes);
	json_str(j, "class", packet_class_name((enum packet_class)f->cls));
	json_time(j, "first", f->first_ns);
	json_i64(j, "first_ns", f->first_ns);
	json_time(j, "last", f->last_ns);
	json_i64(j, "last_ns", f->last_ns);
	json_array(j, "tags");
	for (size_t i = 0; i < TAGS; i++)
		if (f->tags >> i & 1)
			json_str(j, NULL, tags[i]);
	if (spoken(f))
		json_str(j, NULL, spoken(f));
	json_end(j, ']');
}

void flowrow_csv_head(FILE *out)
{
	fputs("sensor,src,dst,sport,dport,protocol,ttl,tcp_flags,ip_len,packets,bytes,class,first,first_ns,last,"
	      "last_ns,tags\r\n",
		out);
}

void flowrow_csv(FILE *out, const struct flow *f, const char *sensor)
{
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX], first[TEXT_TIME_MAX], last[TEXT_TIME_MAX];
	const char *gap = "";
	records_cell(out, sensor);
	fprintf(out, ",%s,%s,%u,%u,%u,%u,%u,%u,%" PRIu64 ",%" PRIu64 ",%s,%s,%" PRId64 ",%s,%" PRId64 ",",
		addr_text(src, &f->src), addr_text(dst, &f->dst), f->sport, f->dport, f->proto, f->ttl, f->tcp_flags,
		f->ip_len, f->packets, f->bytes, packet_class_name((enum packet_class)f->cls),
		text_time(first, f->first_ns), f->first_ns, text_time(last, f->last_ns), f->last_ns);
	for (size_t i = 0; i < TAGS; i++)
		if (f->tags >> i & 1) {
			fprintf(out, "%s%s", gap, tags[i]);
			gap = " ";
		}
	if (spoken(f))
		fprintf(out, "%s%s", gap, spoken(f));
	fputs("\r\n", out);
}
