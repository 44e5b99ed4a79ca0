// SPDX-License-Identifier: Apache-2.0
/*
 * Deliveries: one transfer a channel at a time, all of them side by side. For use inside this folder.
 *
 * What is sent and taken back: nothing but the message goes out; of an answer the status code counts, and at most
 * 64 KiB are read. Redirects are not followed, proxies of the environment not used, protocols other than the channel's
 * refused. Reasons of failures are fixed texts and codes: they can't hold secrets.
 */
#pragma once
#include "response/alert/alert.h"
#include "response/alert/alert_mail.h"

struct alert_send; /* opaque */

struct alert_send_params {
	const struct alert_channel *channels; /* borrowed, as is everything in it */
	size_t n;
	const struct alert_heartbeat *heartbeat;
	struct alert_mail_names names;
	int64_t timeout_ns;
	/* Channel `n` is the heartbeat. `cut`: the answer was longer than what is read. */
	void (*done)(void *arg, size_t channel, enum alert_result result, bool cut, const char *why);
	void *arg;
};

/* Checks the addresses, resolves those of syslog. NULL with the reason. */
struct alert_send *alert_send_new(const struct alert_send_params *p, struct err *err) NODISCARD;
void alert_send_free(struct alert_send *s);

/* Begins; done() may come before this returns. The channel must be idle. Of `m` nothing is kept. */
void alert_send_start(struct alert_send *s, size_t channel, const struct alert_message *m);
void alert_send_beat(struct alert_send *s);
bool alert_send_busy(const struct alert_send *s, size_t channel);

/* Goes on with what can go on; calls done(). */
void alert_send_poll(struct alert_send *s);

/* Milliseconds until alert_send_poll() is wanted, -1: only descriptors matter. */
long alert_send_timeout_ms(const struct alert_send *s);
size_t alert_send_fds(const struct alert_send *s, struct pollfd *out, size_t max);
