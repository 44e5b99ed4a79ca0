// SPDX-License-Identifier: Apache-2.0
/* Shared between the two halves of the capture file parser (capfile.c, capfile_pcapng.c); nobody else includes it. */
#pragma once
#include "wire/capfile.h"

enum capfile_format { CAPFILE_UNKNOWN, CAPFILE_PCAP, CAPFILE_PCAPNG };

struct capfile_interface {
	int linktype;
	uint32_t snaplen; /* 0: no limit */
	uint8_t tsresol;  /* as the option has it: base 2 by the top bit, else base 10 */
	int64_t tsoffset; /* seconds */
	uint64_t drops;	  /* of its last statistics block */
};

struct capfile {
	enum capfile_format format;
	bool swapped; /* big-endian file */
	bool ns, bad, in_section;
	uint8_t record_header;
	int linktype;
	struct capfile_interface *interfaces; /* of the current section */
	size_t n_interfaces, room_interfaces;
	int *types; /* declared so far, over all sections, each once */
	uint64_t declared[65536 / 64];
	size_t n_types, room_types;
	uint64_t drops_before; /* of earlier sections */
	uint64_t oddities;
	bool far;
	int64_t far_s;
	uint32_t far_ns;
	size_t want;
	char why[128];
};

/* Where one capfile_read() puts its results. */
struct capfile_read {
	struct capfile_record *recs;
	size_t max, n, used;
};

enum capfile_status capfile_fail(struct capfile *c, const char *fmt, uint64_t value)
	__attribute__((format(printf, 2, 0)));
void capfile_declare(struct capfile *c, int linktype);
enum capfile_status capfile_pcapng(struct capfile *c, struct bytes w, struct capfile_read *out);
