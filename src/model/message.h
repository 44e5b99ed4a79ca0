// SPDX-License-Identifier: Apache-2.0
/*
 * What roles and sensors say to each other: a header of 16 octets and rows, little-endian, the same on a socket pair,
 * over TLS and in a spool. docs/messages.md has them octet by octet.
 *
 * Rows of a noun with a row table are its fields in order: text and lists as a 16-bit length and octets, numbers and
 * times as 64 bits, booleans as an octet. Signals and findings have layouts of their own behind that.
 */
#pragma once
#include "base/bytes.h"
#include "model/row.h"
#include "model/signal.h"

#define MESSAGE_VERSION 1
#define MESSAGE_HEADER	16u
#define MESSAGE_MAX	(128u << 10) /* header included; no larger one is sent or taken */
#define MESSAGE_BODY	(MESSAGE_MAX - MESSAGE_HEADER)

/* Never renumber: sensors of the version before send them. */
enum message_kind {
	MESSAGE_NONE,
	/* supervisor and role */
	MESSAGE_EDGE,  /* a new socket to a peer comes along: {role u8, index u16} */
	MESSAGE_STOP,  /* end cleanly */
	MESSAGE_READY, /* sealed and at work */
	/* whoever sends batches, and the keeper */
	MESSAGE_HELLO,	 /* {sender u64, flags u32, sensor text} */
	MESSAGE_WELCOME, /* sequence: the last that is committed of this sender */
	MESSAGE_BLOCKS,	 /* octets of sealed blocks, in pieces */
	MESSAGE_SOURCES, /* count sources: {minute i64, source block} */
	MESSAGE_ROLLUP,	 /* count roll-up rows */
	MESSAGE_SIGNAL,	 /* count signals */
	MESSAGE_GAP,
	MESSAGE_CLOCK,
	MESSAGE_SENSOR,
	MESSAGE_FINDING,
	MESSAGE_SENT,	/* marks of delivered alerts */
	MESSAGE_COMMIT, /* {until i64, ended u8}: the batch `sequence` is complete */
	MESSAGE_ACK,	/* sequence: this batch and all before it are safe */
	MESSAGE_REFUSE, /* sequence: this batch can't be kept; {code u32, text} */
	/* packet ring */
	MESSAGE_RING_WANT, /* {worker u32, packet time i64}: another file */
	MESSAGE_RING_FILE, /* ... comes along: {worker u32} */
	MESSAGE_RING_PIN,  /* ... comes along, to be filled with the packets of a finding */
	/* analysis */
	MESSAGE_ATTACH, /* {sensor text, minute i64, concluded i64}: what is before the minute lies in the store */
	MESSAGE_WANT,	/* {from i64, to i64, sensor text}: read it out */
	MESSAGE_MINUTE, /* {minute i64, sensor text}: complete */
	MESSAGE_END,	/* that was all */
	/* local commands */
	MESSAGE_AUDIT,	/* {who text, what text, subject text} */
	MESSAGE_HOLD,	/* a hold; {what text} behind it */
	MESSAGE_ASK,	/* {rows u64, time in ms u64, SQL u32 and octets} */
	MESSAGE_ANSWER, /* rows: {n u16, values {type u8, ...}} */
	/* console and desk; `sequence` is the number of the call */
	MESSAGE_CALL,  /* struct call of model/call.h: what somebody asks over HTTP */
	MESSAGE_REPLY, /* {status u16, last u8, type text, session text, octets}: first, then more of it until `last` */
	MESSAGE_CREDIT, /* {octets u32}: so many more may be on their way */
	MESSAGE_CANCEL, /* nobody wants the rest */
	/* desk and keeper */
	MESSAGE_RECORD, /* {who text, what text, subject text, kind text, row}: keep it, with a line in the audit; kind
			   empty: the line alone. `sequence` is that of ACK or REFUSE */
	/* capture and console */
	MESSAGE_GLIMPSE, /* model/glimpse.h: packets of the last moment, some of them in person */
	MESSAGE_KIND_N
};

const char *message_kind_name(unsigned kind);
#define MESSAGE_BIT(k) (UINT64_C(1) << (k))

struct message {
	uint16_t kind, version;
	uint32_t count;	   /* rows */
	uint64_t sequence; /* of the batch it belongs to; 0: none */
	struct bytes body;
};

void message_header_build(uint8_t out[MESSAGE_HEADER], const struct message *m);

/* The header and what is behind it. Returns 0, -1 when it is no message of this version or too long. */
int message_parse(struct bytes in, struct message *out) NODISCARD;

/* Octets that grow while a body is built. Free `p` with free(3). */
struct message_buf {
	uint8_t *p;
	size_t n, cap;
};
void message_u8(struct message_buf *b, uint8_t v);
void message_u16(struct message_buf *b, uint16_t v);
void message_u32(struct message_buf *b, uint32_t v);
void message_u64(struct message_buf *b, uint64_t v);
void message_text(struct message_buf *b, const char *text);
void message_octets(struct message_buf *b, const void *p, size_t n);
void message_row(struct message_buf *b, const struct row_kind *kind, const void *record);
void message_signal(struct message_buf *b, const struct signal *s);
void message_finding(struct message_buf *b, const struct finding *f);

/*
 * A body being read. What goes past its end or beyond a field's room makes it bad, for good; values read from then on
 * are 0 and empty. Look at message_whole() once at the end.
 */
struct message_reader {
	struct bytes in;
	bool bad;
};
uint8_t message_get_u8(struct message_reader *r);
uint16_t message_get_u16(struct message_reader *r);
uint32_t message_get_u32(struct message_reader *r);
uint64_t message_get_u64(struct message_reader *r);
void message_get_text(struct message_reader *r, char *out, size_t size); /* no NUL inside */
struct bytes message_get_octets(struct message_reader *r, size_t n);
void message_get_row(struct message_reader *r, const struct row_kind *kind, void *record);
void message_get_signal(struct message_reader *r, struct signal *out);
void message_get_finding(struct message_reader *r, struct finding *out);
bool message_whole(const struct message_reader *r); /* nothing bad, nothing left */
