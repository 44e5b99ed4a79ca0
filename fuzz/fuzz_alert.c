// SPDX-License-Identifier: Apache-2.0
/* A finding whose texts are anything: no header, line or structured data can be planted. Marks of the store read back.
 */
#include "response/alert/alert_compose.h"
#include "response/alert/alert_mail.h"
#include "role/alertparams.h"

#include <stdlib.h>

static size_t text(char *out, size_t room, const uint8_t *data, size_t size)
{
	size_t n = size < room - 1 ? size : room - 1;
	memcpy(out, data, n);
	out[n] = 0;
	return n;
}

/* Header names and folded lines alone stand before the empty line. */
static void check_mail(const char *bytes)
{
	const char *body = strstr(bytes, "\r\n\r\n");
	unsigned headers = 0;
	ENSURE(body != NULL);
	for (const char *at = bytes; at < body + 2; at = strstr(at, "\r\n") + 2) {
		ENSURE(strstr(at, "\r\n") - at <= 78);
		headers += *at != ' ';
	}
	ENSURE(headers == 12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const to[] = { "noc@example.net" };
	static const struct alert_channel mail = { .name = "m", .from = "s@example.net", .to = to, .to_n = 1 };
	const struct alert_mail_names names = { "store", "guard" };
	struct finding f = { .severity = "high", .spoofable = true };
	struct sent s = { .state = "sent" };
	struct alert_mark mark;
	char line[2048];
	size_t n;
	if (size < 4)
		return 0;
	f.kind = (enum finding_kind)(data[0] % FINDING_KIND_N);
	size_t third = (size - 1) / 3;
	text(f.subject, sizeof f.subject, data + 1, third);
	text(f.detail, sizeof f.detail, data + 1 + third, third);
	text(f.sensor, sizeof f.sensor, data + 1 + 2 * third, third);
	finding_identify(&f);
	struct alert_thing t = { .finding = &f,
		.id = f.id,
		.message_id = "m.1",
		.thread = f.id,
		.severity = ALERT_HIGH,
		.event = ALERT_UPDATE };
	struct alert_view v = { .language = data[0] & 1 ? ALERT_JA : ALERT_EN, .host = "guard" };
	char *title = alert_compose_title(&t, v.language), *body = alert_compose_text(&t, &v);
	char *json = alert_compose_json(&t, &v, title, body);
	struct alert_message m = { .severity = ALERT_HIGH,
		.id = t.message_id,
		.thread = t.thread,
		.title = title,
		.text = body,
		.json = json };
	char *bytes = alert_mail_build(&mail, &m, &names, &n);
	check_mail(bytes);
	ENSURE(!memchr(line, '\n', alert_mail_syslog(line, sizeof line, &mail, &m, "guard")));
	ENSURE(strpbrk(json, "\r\n") == NULL && strpbrk(body, "\r\x1b") == NULL);
	text(s.text, sizeof s.text, data, size);
	if (alertparams_mark(&s, &mark) == 0)
		ENSURE(mark.event <= ALERT_CLEARED && mark.state < ALERT_STATE_N);
	free(bytes);
	free(title);
	free(body);
	free(json);
	return 0;
}
