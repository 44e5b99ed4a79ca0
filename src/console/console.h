// SPDX-License-Identifier: Apache-2.0
/*
 * The console role: HTTPS for browsers and programs. It parses HTTP, serves the pages that lie in the program, hands
 * every other question on to the desk, and sends live events. It sees no file and no store and knows no user: who
 * breaks it can only be whoever logs in meanwhile.
 *
 *   admit.c        accepts, and decides who goes when there are too many
 *   request.c      judges a request                     (pure)
 *   serve.c        the server's callbacks; answer.c what it says
 *   calls.c        what waits for the desk
 *   live.c         events for open pages; livefeed.c findings, signals and gaps as events
 *   certificate.c  the certificate, made at the first start
 */
#pragma once
#include "role/member.h"

extern const struct member_role console_role;
