// SPDX-License-Identifier: Apache-2.0
/*
 * Dark addresses inside packets. A packet tells its destination more than once: in its header and checksums, in the
 * sequence number of Mirai, in the IP ID of masscan, in the packet that an ICMP error quotes. All of them become those
 * of the stand-in (view_dark()), with checksums as they would be (RFC 1624): so the marks of tools stay what they are.
 * Where a payload spells it in letters there are as many asterisks: a stand-in may be shorter or longer.
 */
#pragma once
#include "view/view.h"

/* An IPv4 or IPv6 packet from its header on, maybe cut off. Nothing happens for who may see dark addresses. */
void dark_mask(const struct view_call *c, uint8_t *ip, size_t n);

/* The same with stand-ins of the caller's making. What is no packet becomes zeros. */
void dark_rewrite(uint8_t *ip, size_t n, struct addr (*stand_in)(void *arg, const struct addr *a), void *arg);

/* The samples of a finding: address and head. */
void dark_mask_finding(const struct view_call *c, struct finding *f);
