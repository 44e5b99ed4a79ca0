// SPDX-License-Identifier: Apache-2.0
/* DNS messages (RFC 1035, RFC 3596): the addresses that answers name. */
#pragma once
#include "base/bytes.h"

/* An A (4 octets) or AAAA (16 octets) record of the answer section. */
typedef void dns_address(void *arg, const uint8_t *octets, size_t n);

/*
 * Calls `fn` for every address in the answers of a response. Returns how many, 0 for queries, -1 when the message is
 * cut off or malformed (what came before was reported). Compression pointers are skipped, never followed, so nothing
 * can loop.
 */
int dns_addresses(struct bytes message, dns_address *fn, void *arg);
