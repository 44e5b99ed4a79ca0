// SPDX-License-Identifier: Apache-2.0
/*
 * A message as bytes for a channel: a mail (RFC 5322, MIME RFC 2045, encoded words RFC 2047), a line of syslog
 * (RFC 5424). Pure. Nothing from outside can add a header or a line: titles are encoded when they hold anything but
 * plain ASCII, and line ends in them are an ENSURE. For use inside this folder.
 */
#pragma once
#include "response/alert/alert.h"

struct alert_mail_names {
	const char *store_id, *host;
};

/* The whole mail with CRLF; free(3). */
char *alert_mail_build(
	const struct alert_channel *c, const struct alert_message *m, const struct alert_mail_names *names, size_t *n);

/* One datagram; returns its length, cut to `size`. */
size_t alert_mail_syslog(
	char *out, size_t size, const struct alert_channel *c, const struct alert_message *m, const char *host);

/* "local@domain" in plain ASCII that can stand in a header and in SMTP. */
bool alert_mail_address(const char *text);
