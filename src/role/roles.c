// SPDX-License-Identifier: Apache-2.0
#include "role/roles.h"

#include <string.h>

const struct role roles[ROLE_N] = {
	[ROLE_SUPERVISOR] = { "supervisor", 0, "-", "-", "-", "counters", NETWORK_NONE, 0, 1024, 9 },
	[ROLE_CAPTURE] = { "capture", 47001, "packets, capture files", "-", "the capture socket",
		"packet files that the keeper opened", NETWORK_PACKET, 17, 320, 0 },
	[ROLE_ANALYSIS] = { "analysis", 47002, "records", "-", "-", "-", NETWORK_NONE, 0, 64, 1 },
	[ROLE_KEEPER] = { "keeper", 47003, "records of local commands", "store", "-", "the store", NETWORK_NONE, 0, 640,
		3, true, true },
	[ROLE_QUERY] = { "query", 47004, "questions of local users", "-", "-", "-", NETWORK_NONE, 0, 320, 2, true,
		true },
	[ROLE_ALERT] = { "alert", 47005, "records, answers of relays", "relay and webhook secrets", "outwards", "-",
		NETWORK_OUT, 0, 128, 2, true },
	[ROLE_FORWARD] = { "forward", 47006, "answers of its peer", "sensor certificate", "its peer", "the spool",
		NETWORK_OUT, 0, 64, 1 },
	[ROLE_COLLECT] = { "collect", 47007, "TLS of sensors", "server certificate", "its port", "-", NETWORK_LISTEN, 0,
		1024, 0 },
	[ROLE_METRICS] = { "metrics", 47008, "HTTP from this host", "-", "its port", "-", NETWORK_LISTEN, 0, 192, 2,
		true },
	[ROLE_DESK] = { "desk", 47009, "calls of the console", "-", "-", "-", NETWORK_NONE, 4, 128, 2, true, true },
	[ROLE_CONSOLE] = { "console", 47010, "HTTP, TLS of browsers", "certificate of the console", "its port", "-",
		NETWORK_LISTEN, 1, 2048, 0 },
	[ROLE_COMMAND] = { "command", 0, "-", "-", "-", "-", NETWORK_NONE, 0, 0, 9 },
};

#define B MESSAGE_BIT
#define BATCH                                                                                                          \
	(B(MESSAGE_HELLO) | B(MESSAGE_BLOCKS) | B(MESSAGE_SOURCES) | B(MESSAGE_ROLLUP) | B(MESSAGE_SIGNAL) |           \
		B(MESSAGE_GAP) | B(MESSAGE_CLOCK) | B(MESSAGE_SENSOR) | B(MESSAGE_COMMIT))
#define ANSWER (B(MESSAGE_WELCOME) | B(MESSAGE_ACK) | B(MESSAGE_REFUSE))

const struct edge edges[] = {
	{ ROLE_CAPTURE, ROLE_KEEPER, BATCH | B(MESSAGE_RING_WANT), ANSWER | B(MESSAGE_RING_FILE) },
	{ ROLE_CAPTURE, ROLE_FORWARD, BATCH, ANSWER },
	{ ROLE_COLLECT, ROLE_KEEPER, BATCH, ANSWER },
	{ ROLE_KEEPER, ROLE_ANALYSIS,
		B(MESSAGE_ATTACH) | B(MESSAGE_END) | B(MESSAGE_HELLO) | B(MESSAGE_BLOCKS) | B(MESSAGE_SOURCES) |
			B(MESSAGE_SIGNAL) | B(MESSAGE_COMMIT) | ANSWER,
		B(MESSAGE_HELLO) | B(MESSAGE_FINDING) | B(MESSAGE_COMMIT) | B(MESSAGE_END) },
	{ ROLE_QUERY, ROLE_ANALYSIS,
		B(MESSAGE_BLOCKS) | B(MESSAGE_SOURCES) | B(MESSAGE_FINDING) | B(MESSAGE_COMMIT) | B(MESSAGE_END),
		B(MESSAGE_WANT) },
	{ ROLE_KEEPER, ROLE_ALERT,
		B(MESSAGE_FINDING) | B(MESSAGE_SIGNAL) | B(MESSAGE_GAP) | B(MESSAGE_SENT) | B(MESSAGE_END) | ANSWER,
		B(MESSAGE_HELLO) | B(MESSAGE_SENT) | B(MESSAGE_COMMIT) },
	{ ROLE_KEEPER, ROLE_QUERY, B(MESSAGE_RING_PIN), B(MESSAGE_END) },
	{ ROLE_CONSOLE, ROLE_DESK, B(MESSAGE_CALL) | B(MESSAGE_CREDIT) | B(MESSAGE_CANCEL), B(MESSAGE_REPLY) },
	{ ROLE_DESK, ROLE_KEEPER, B(MESSAGE_RECORD), B(MESSAGE_ACK) | B(MESSAGE_REFUSE) },
	{ ROLE_CAPTURE, ROLE_CONSOLE, B(MESSAGE_GLIMPSE), 0 },
	{ ROLE_KEEPER, ROLE_CONSOLE, B(MESSAGE_FINDING) | B(MESSAGE_SIGNAL) | B(MESSAGE_GAP), 0 },
	{ ROLE_COMMAND, ROLE_KEEPER,
		BATCH | B(MESSAGE_FINDING) | B(MESSAGE_AUDIT) | B(MESSAGE_HOLD) | B(MESSAGE_RECORD), ANSWER },
	{ ROLE_COMMAND, ROLE_QUERY, B(MESSAGE_ASK), B(MESSAGE_ANSWER) | B(MESSAGE_END) },
};
const size_t edges_n = sizeof edges / sizeof *edges;

uint64_t edges_kinds(enum role_id from, enum role_id to)
{
	if (from == ROLE_SUPERVISOR)
		return B(MESSAGE_EDGE) | B(MESSAGE_STOP);
	if (to == ROLE_SUPERVISOR)
		return B(MESSAGE_READY) | B(MESSAGE_END);
	for (size_t i = 0; i < edges_n; i++) {
		if (edges[i].a == from && edges[i].b == to)
			return edges[i].to_b;
		if (edges[i].b == from && edges[i].a == to)
			return edges[i].to_a;
	}
	return 0;
}

enum role_id roles_find(const char *name)
{
	int i = 0;
	while (i < ROLE_N && strcmp(roles[i].name, name) != 0)
		i++;
	return (enum role_id)i;
}

static void print_kinds(FILE *out, enum role_id from, enum role_id to, uint64_t kinds)
{
	fprintf(out, "%-10s -> %-10s", roles[from].name, roles[to].name);
	for (unsigned k = 1; k < MESSAGE_KIND_N; k++)
		if (kinds & B(k))
			fprintf(out, " %s", message_kind_name(k));
	fputc('\n', out);
}

void roles_print(FILE *out)
{
	fprintf(out, "%-10s  %-5s  %-26s  %-25s  %-19s  %s\n", "role", "user", "hostile input", "keys", "network",
		"writes");
	for (int i = 0; i < ROLE_COMMAND; i++) {
		const struct role *r = &roles[i];
		fprintf(out, "%-10s  %-5u  %-26s  %-25s  %-19s  %s\n", r->name, (unsigned)r->uid, r->input, r->keys,
			r->network, r->writes);
	}
	fputs("\nwho may send what to whom; anything else is refused, counted, and ends the connection\n", out);
	for (size_t i = 0; i < edges_n; i++) {
		print_kinds(out, edges[i].a, edges[i].b, edges[i].to_b);
		print_kinds(out, edges[i].b, edges[i].a, edges[i].to_a);
	}
}
